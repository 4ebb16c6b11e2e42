// SPDX-License-Identifier: Apache-2.0

/** What an answer should not hold, by how it is written. All run in linear time: whatever repeats has an end. */
export const leaks = {
  stack_trace:
    /(?:\n|\\n|<br ?\/?>)[ \t]{2,8}at [^\n]{1,200}:\d{1,6}:\d{1,6}\)?|Traceback \(most recent call last\):|\n\tat [\w$.]{1,200}\([\w$.]{1,100}\.java:\d{1,6}\)/,
  sql_error:
    /You have an error in your SQL syntax|SQLSTATE\[\w{5}\]|\bORA-\d{5}:|syntax error at or near \\?"|\bSQLITE_ERROR\b|Unclosed quotation mark after the character string|unrecognized token: \\?"|PG::SyntaxError/,
  source_code: /<\?php\s|<%@ \w/,
  private_key: /-----BEGIN (?:[A-Z]{1,12} ){0,2}PRIVATE KEY-----/,
  cloud_key: /\bA[KS]IA[0-9A-Z]{16}\b/,
} as const satisfies Readonly<Record<string, RegExp>>

export type LeakKind = keyof typeof leaks
const kinds = Object.keys(leaks) as readonly LeakKind[]

/** What the beginning of an answer gives away. */
export const leaksIn = (text: string): readonly LeakKind[] => kinds.filter((kind) => leaks[kind].test(text))

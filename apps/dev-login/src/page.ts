// SPDX-License-Identifier: Apache-2.0

/** A page that says what to do, loads nothing and runs nothing. */
export const page = (title: string, rows: readonly string[]): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="default-src 'none'">
<title>${escaped(title)} · Sealwatch</title>
<h1>${escaped(title)}</h1>
${rows
  .filter((row) => row !== '')
  .map((row) => `<p>${escaped(row)}</p>`)
  .join('\n')}
`

const escaped = (text: string) => text.replace(/[&<>"']/g, (unit) => `&#${unit.codePointAt(0)};`)

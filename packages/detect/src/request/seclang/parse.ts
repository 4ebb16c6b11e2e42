// SPDX-License-Identifier: Apache-2.0

import { seclangLimits } from './limits.ts'

/** One directive of a SecLang file; a quoted argument is without its quotes. */
export type Directive = {
  readonly name: string
  readonly words: readonly string[]
  /** False: a quote in it does not end, and `words` are those before it. */
  readonly isWhole: boolean
  readonly file: string
  readonly line: number
}
export type RuleText = { readonly path: string; readonly text: string }

/** A fault in what somebody wrote as a rule: told with its place, and the other rules load. */
export class SecLangError extends Error {
  override readonly name = 'SecLangError'
}

/** Lines end in a backslash where they go on; text between unescaped quotes is one word. */
export function parseDirectives({ path, text }: RuleText): Directive[] {
  if (text.length > seclangLimits.fileCharsMax)
    throw new SecLangError(`longer than ${seclangLimits.fileCharsMax} characters`)
  const directives: Directive[] = []
  let joined = ''
  let first = 1
  const lines = text.split('\n')
  lines.forEach((raw, index) => {
    const part = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (joined === '') first = index + 1
    if (joined === '' && part.trimStart().startsWith('#')) return
    // What goes on in the next line begins there with its first sign, but for a word that is cut in two.
    const begun = joined === '' ? part.trimStart() : joined + part.trimStart()
    const goesOn = part.endsWith('\\')
    if (goesOn && index + 1 < lines.length) {
      joined = begun.slice(0, -1)
      return
    }
    joined = ''
    const { words: all, isWhole } = wordsOf(goesOn ? begun.slice(0, -1) : begun)
    const [name, ...words] = all
    if (name !== undefined) directives.push({ name, words, isWhole, file: path, line: first })
  })
  return directives
}

function wordsOf(line: string): Pick<Directive, 'words' | 'isWhole'> {
  const words: string[] = []
  let end = 0
  const form = /\s*(?:"((?:[^"\\]|\\[\s\S])*)"|([^\s"](?:[^\s\\]|\\[\s\S])*))/y
  for (let found = form.exec(line); found; found = form.exec(line)) {
    const [, quoted, bare] = found
    words.push(quoted === undefined ? (bare as string) : quoted.replaceAll('\\"', '"'))
    end = form.lastIndex
  }
  return { words, isWhole: line.slice(end).trim() === '' }
}

/** `name`, or `name:value` with the quotes around the value taken away; commas within quotes part nothing. */
export function parseActions(text: string): (readonly [name: string, value: string])[] {
  const actions: (readonly [string, string])[] = []
  let at = 0
  while (at < text.length) {
    const to = actionEnd(text, at)
    const action = text.slice(at, to).trim()
    at = to + 1
    if (action === '') continue
    const [, name = '', value = ''] = /^([A-Za-z]+)(?:\s*:\s*([\s\S]*))?$/.exec(action) ?? []
    if (name === '') throw new SecLangError(`the action ${JSON.stringify(action.slice(0, 40))}`)
    actions.push([name, unquoted(value)])
  }
  return actions
}

function actionEnd(text: string, from: number): number {
  let isQuoted = false
  for (let at = from; at < text.length; at += 1) {
    const char = text[at]
    if (char === '\\') at += 1
    else if (char === "'") isQuoted = !isQuoted
    else if (char === ',' && !isQuoted) return at
  }
  return text.length
}

const unquoted = (value: string): string =>
  value.length >= 2 && value.startsWith("'") && value.endsWith("'") ? value.slice(1, -1).replaceAll("\\'", "'") : value

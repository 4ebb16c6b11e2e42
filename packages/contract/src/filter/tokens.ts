// SPDX-License-Identifier: Apache-2.0

import { Unparsed } from './problem.ts'

/** `word`: bare; `text`: it stood in quotes, and its `value` is without them. */
export type Token = {
  readonly kind: 'word' | 'text' | 'operator' | '(' | ')' | ',' | 'end'
  readonly value: string
  readonly at: number
}

export const bareForm = /^[A-Za-z0-9_.:/@*+-]+$/
const patterns = [
  ['word', /[A-Za-z0-9_.:/@*+-]+/y],
  ['operator', /!=|<=|>=|=|<|>|~/y],
] as const
const space = /[ \t\r\n]+/y
/** What people know from elsewhere, and what it is here. */
const elsewhere: Readonly<Record<string, string>> = {
  '&': 'and',
  '|': 'or',
  '!': 'not, or !=',
  "'": 'double quotes',
  '“': 'straight double quotes',
  '”': 'straight double quotes',
  '≥': '>=',
  '≤': '<=',
  '≠': '!=',
  '[': '(',
  ']': ')',
  ';': 'and',
}

/** Ends in a token of the kind `end`. Throws Unparsed. */
export function* tokensOf(text: string): Generator<Token> {
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }
  for (;;) {
    at += match(space)?.length ?? 0
    if (at >= text.length) break
    const char = text[at] as string
    const found = patterns.map(([kind, pattern]) => ({ kind, value: match(pattern) })).find(({ value }) => value)
    if (found?.value !== undefined) {
      yield { kind: found.kind, value: found.value, at }
      at += found.value.length
    } else if (char === '(' || char === ')' || char === ',') {
      yield { kind: char, value: char, at }
      at += 1
    } else if (char === '"') {
      const { value, next } = quoted(text, at)
      yield { kind: 'text', value, at }
      at = next
    } else throw new Unparsed(at, 'a field, a value or an operator', shown(text, at), elsewhere[char])
  }
  yield { kind: 'end', value: 'the end', at }
}

/** A backslash stands before a quote or another one, and before nothing else. */
function quoted(text: string, from: number): { value: string; next: number } {
  let value = ''
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text[at] as string
    if (char === '"') return { value, next: at + 1 }
    if (char === '\\') {
      at += 1
      const escaped = text[at]
      if (escaped !== '"' && escaped !== '\\')
        throw new Unparsed(at - 1, '\\" or \\\\ within quotes', `\\${escaped ?? ''}`, '\\\\')
      value += escaped
    } else if (/[\p{C}\p{Zl}\p{Zp}]/u.test(charAt(text, at))) {
      throw new Unparsed(at, 'a visible character', shown(text, at))
    } else value += char
  }
  throw new Unparsed(text.length, 'a closing quote', 'the end')
}

/** With the second half of a pair it is nothing by itself, and was looked at with the first. */
function charAt(text: string, at: number): string {
  const unit = text.charCodeAt(at)
  const isSecond = unit >= 0xdc00 && unit <= 0xdfff && at > 0 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800
  return isSecond ? ' ' : String.fromCodePoint(text.codePointAt(at) ?? 0)
}

/** A character as a person can tell it from its look-alikes. */
function shown(text: string, at: number): string {
  const point = text.codePointAt(at) ?? 0
  const name = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`
  return /[\p{C}\p{Z}]/u.test(String.fromCodePoint(point)) ? name : `${String.fromCodePoint(point)} (${name})`
}

// SPDX-License-Identifier: Apache-2.0

import { hexByte } from './percent.ts'
import type { Findings } from './values.ts'

/** An object, with the member that is being read, or an array, with the index. */
type Level = { readonly prefix: string; readonly isArray: boolean; index: number; key: string }
type Reader = { readonly text: string; readonly findings: Findings; readonly levels: Level[]; at: number }
/** What may come next, or why nothing does. */
type State = 'value' | 'first' | 'key' | 'after' | 'malformed' | 'full' | 'deep'

/**
 * JSON as far as it goes (RFC 8259): each scalar is a value named by its place, as in `a.b[2].c`, and each member's name is
 * one, too. A member that stands there twice is two values. It keeps no more than the depth that is allowed; what it cannot
 * part is one value as it stands.
 */
export function decodeJson(text: string, findings: Findings, isCut: boolean): void {
  const reader: Reader = { text, findings, levels: [], at: text.startsWith('\xef\xbb\xbf') ? 3 : 0 }
  let state: State = 'value'
  skipBlanks(reader)
  while (reader.at < text.length && state !== 'malformed' && state !== 'full' && state !== 'deep') {
    state = findings.isFull() ? 'full' : readOn(reader, state)
    skipBlanks(reader)
  }
  if (state === 'after' && reader.levels.length === 0) return
  if (state === 'full') findings.signal('too-many-values', 'ARGS_POST')
  else if (state === 'deep') findings.signal('too-deep', 'REQUEST_BODY')
  else if (!isCut) findings.signal('malformed-json', 'REQUEST_BODY')
  if (reader.at < text.length) findings.add('REQUEST_BODY', '', text.slice(reader.at))
}

function readOn(reader: Reader, state: State): State {
  const char = reader.text[reader.at] as string
  if (state === 'after') return afterValue(reader, char)
  if (char === '"')
    return state === 'key' || (state === 'first' && !topOf(reader)?.isArray) ? readKey(reader) : readString(reader)
  if (state === 'first' && char === (topOf(reader)?.isArray ? ']' : '}')) return close(reader)
  if (state === 'key' || (state === 'first' && !topOf(reader)?.isArray)) return 'malformed'
  return char === '{' || char === '[' ? open(reader, char === '[') : readScalar(reader)
}

const topOf = ({ levels }: Reader): Level | undefined => levels.at(-1)

function afterValue(reader: Reader, char: string): State {
  const level = topOf(reader)
  if (level === undefined) return 'malformed'
  if (char === (level.isArray ? ']' : '}')) return close(reader)
  if (char !== ',') return 'malformed'
  reader.at += 1
  level.index += 1
  return level.isArray ? 'value' : 'key'
}

function open(reader: Reader, isArray: boolean): State {
  if (reader.levels.length >= reader.findings.limits.depthMax) return 'deep'
  reader.levels.push({ prefix: placeOf(reader), isArray, index: 0, key: '' })
  reader.at += 1
  return 'first'
}

function close(reader: Reader): State {
  reader.levels.pop()
  reader.at += 1
  return 'after'
}

function readKey(reader: Reader): State {
  const level = topOf(reader) as Level
  const end = stringEnd(reader)
  level.key = unescaped(reader.text.slice(reader.at + 1, end))
  reader.findings.add('ARGS_POST_NAMES', placeOf(reader), level.key)
  reader.at = end + 1
  skipBlanks(reader)
  if (reader.text[reader.at] !== ':') return 'malformed'
  reader.at += 1
  return 'value'
}

function readString(reader: Reader): State {
  const end = stringEnd(reader)
  reader.findings.add('ARGS_POST', placeOf(reader), unescaped(reader.text.slice(reader.at + 1, end)))
  reader.at = Math.min(end + 1, reader.text.length)
  return end < reader.text.length ? 'after' : 'malformed'
}

const scalar = /-?[0-9][0-9.eE+-]*|true|false|null/y

function readScalar(reader: Reader): State {
  scalar.lastIndex = reader.at
  const found = scalar.exec(reader.text)
  if (found === null) return 'malformed'
  reader.findings.add('ARGS_POST', placeOf(reader), found[0])
  reader.at += found[0].length
  return 'after'
}

/** Names are cut: a name for each level can make one of any length. */
const placeCharsMax = 256

function placeOf(reader: Reader): string {
  const level = topOf(reader)
  if (level === undefined) return ''
  const { prefix, isArray, index, key } = level
  const place = isArray ? `${prefix}[${index}]` : prefix === '' ? key : `${prefix}.${key}`
  return place.slice(0, placeCharsMax)
}

/** Where its closing quote stands; the end of the text when there is none. */
function stringEnd({ text, at }: Reader): number {
  let end = text.indexOf('"', at + 1)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: string, at: number): boolean {
  let from = at
  while (text.charCodeAt(from - 1) === 0x5c) from -= 1
  return (at - from) % 2 === 1
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** Characters above U+007F become the bytes of UTF-8, as all other text is bytes. */
export function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/((?:\\u[0-9a-f]{4})+)|\\([\s\S])/gi, (_, units?: string, other?: string) =>
    units === undefined ? (escapes[other as string] ?? (other as string)) : utf8Of(units),
  )
}

function utf8Of(units: string): string {
  let text = ''
  for (let at = 2; at < units.length; at += 6)
    text += String.fromCharCode((hexByte(units, at) as number) * 256 + (hexByte(units, at + 2) as number))
  return Buffer.from(text, 'utf8').toString('latin1')
}

function skipBlanks(reader: Reader): void {
  const { text } = reader
  for (
    let char = text.charCodeAt(reader.at);
    char === 32 || char === 10 || char === 13 || char === 9;
    char = text.charCodeAt(reader.at)
  )
    reader.at += 1
}

// SPDX-License-Identifier: Apache-2.0

import { hexByte, roomFor } from './percent.ts'
import { addPlaces } from './search.ts'
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
  const rest = text.slice(reader.at)
  if (rest === '') return
  if (state === 'malformed') findings.add('REQUEST_BODY', '', rest)
  else {
    findings.add('REQUEST_BODY', '', unescaped(rest))
    addPlaces(Buffer.from(rest, 'latin1'), 'JSON', findings)
  }
}

/**
 * Of JSON whose beginning is not there, each string as a text of its own: what stands between two quotes, for nobody knows which of them opens
 * one. What parts strings is nothing.
 */
export function decodeStrings(text: string, findings: Findings): void {
  for (let at = 0; at < text.length; ) {
    const end = findings.isFull() ? text.length : quoteFrom(text, at)
    const piece = text.slice(at, end)
    if (!/^(?:[\s\d,:{}[\].eE+-]|true|false|null)*$/.test(piece)) findings.add('REQUEST_BODY', 'tail', unescaped(piece))
    at = end + 1
  }
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
const stringEnd = ({ text, at }: Reader): number => quoteFrom(text, at + 1)

/** Where the next quote stands that is not escaped. */
function quoteFrom(text: string, at: number): number {
  let end = text.indexOf('"', at)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: string, at: number): boolean {
  let from = at
  while (text.charCodeAt(from - 1) === 0x5c) from -= 1
  return (at - from) % 2 === 1
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const backslash = 0x5c

/** Characters above U+007F become the bytes of UTF-8, as all other text is bytes. */
export function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  const into = roomFor(text.length)
  let to = 0
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at)
    const code = unit === backslash ? codeAt(text, at) : -1
    if (code >= 0) {
      to = putUtf8(into, to, code)
      at += code > 0xffff ? 12 : 6
    } else if (unit === backslash && at + 1 < text.length) {
      const sign = text[at + 1] as string
      into[to++] = (escapes[sign] ?? sign).charCodeAt(0)
      at += 2
    } else {
      into[to++] = unit
      at += 1
    }
  }
  return into.toString('latin1', 0, to)
}

/** What \uXXXX stands for, or two of them that are a pair; half a pair is U+FFFD. -1 where there is none. */
function codeAt(text: string, at: number): number {
  const unit = unitAt(text, at)
  if (unit < 0xd800 || unit > 0xdfff) return unit
  const low = unit < 0xdc00 ? unitAt(text, at + 6) : -1
  return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00) : 0xfffd
}

function unitAt(text: string, at: number): number {
  if (text.charCodeAt(at) !== backslash || (text.charCodeAt(at + 1) | 0x20) !== 0x75) return -1
  const [high, low] = [hexByte(text, at + 2), hexByte(text, at + 4)]
  return high === undefined || low === undefined ? -1 : high * 256 + low
}

function putUtf8(into: Buffer, at: number, code: number): number {
  const trail = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3
  into[at] = (leads[trail] as number) | (code >> (6 * trail))
  for (let left = trail; left > 0; left -= 1) into[at + 1 + trail - left] = 0x80 | ((code >> (6 * left - 6)) & 0x3f)
  return at + 1 + trail
}

/** Of the first byte, by how many come behind it. */
const leads = [0, 0xc0, 0xe0, 0xf0]

function skipBlanks(reader: Reader): void {
  const { text } = reader
  for (
    let char = text.charCodeAt(reader.at);
    char === 32 || char === 10 || char === 13 || char === 9;
    char = text.charCodeAt(reader.at)
  )
    reader.at += 1
}

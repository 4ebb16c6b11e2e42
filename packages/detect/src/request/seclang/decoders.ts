// SPDX-License-Identifier: Apache-2.0

import {
  decodeEscaped,
  decodePercent,
  escapeOf,
  hexDigitsAt,
  nothing,
  percentAt,
  type ReadEscape,
} from '../decode/percent.ts'

const char = String.fromCharCode
const plain = (text: string) => (text.includes('+') ? text.replaceAll('+', ' ') : text)
const hexValues = Uint8Array.from({ length: 256 }, (_, byte) => Number.parseInt(char(byte), 16) || 0)

/** Of as many digits, which are there. */
function hexAt(text: string, at: number, digits: number): number {
  let code = 0
  for (let place = at; place < at + digits; place += 1) code = code * 16 + (hexValues[text.charCodeAt(place)] as number)
  return code
}
/** U+FF01 to U+FF5E stand for U+0021 to U+007E; of others the low byte stays. */
const byteOf = (code: number) => {
  const byte = code & 0xff
  return code >>> 8 === 0xff && byte > 0 && byte < 0x5f ? byte + 0x20 : byte
}

export const decodeUrl = (text: string): string => decodePercent(plain(text))

/** Besides %XX also %uXXXX. */
export const decodeUrlUnicode = (text: string): string => decodeEscaped(plain(text), '%', percentUnicodeAt)

export const percentUnicodeAt: ReadEscape = (text, at) => {
  const isWide = (text.charCodeAt(at + 1) | 0x20) === 0x75 && hexDigitsAt(text, at + 2, 4) === 4
  return isWide ? escapeOf(6, byteOf(hexAt(text, at + 2, 4))) : percentAt(text, at)
}

const namedEntities: readonly (readonly [name: string, byte: number])[] = [
  ['quot', 0x22],
  ['amp', 0x26],
  ['lt', 0x3c],
  ['gt', 0x3e],
  ['nbsp', 0xa0],
]

const beginsName = new Uint8Array(256)
for (const [name] of namedEntities)
  for (const first of [name.charCodeAt(0), name.charCodeAt(0) & 0x5f]) beginsName[first] = 1

/** Numbers, and the names that browsers read without a semicolon, too. */
export const decodeHtml = (text: string): string => decodeEscaped(text, '&', entityAt)

export const entityAt: ReadEscape = (text, at) => {
  const isNumber = text.charCodeAt(at + 1) === 0x23
  const isHex = isNumber && (text.charCodeAt(at + 2) | 0x20) === 0x78
  let end = at + (isHex ? 3 : 2)
  let byte = 0
  if (isHex) {
    const digits = hexDigitsAt(text, end, text.length)
    if (digits === 0) return 0
    end += digits
    byte = hexAt(text, end - Math.min(digits, 8), Math.min(digits, 8)) & 0xff
  } else if (isNumber) {
    const from = end
    while (isDigit(text.charCodeAt(end))) end += 1
    if (end === from) return 0
    byte = Number(text.slice(from, end)) & 0xff
  } else {
    if (beginsName[text.charCodeAt(at + 1)] !== 1) return 0
    const start = text.slice(at + 1, at + 5).toLowerCase()
    const named = namedEntities.find(([name]) => start.startsWith(name))
    if (named === undefined) return 0
    end = at + 1 + named[0].length
    byte = named[1]
  }
  return escapeOf(end - at + Number(text[end] === ';'), byte)
}

const isDigit = (unit: number) => unit >= 0x30 && unit <= 0x39

const jsControls: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** ECMAScript's escapes; before any other character the backslash falls away. */
export const decodeJs = (text: string): string => decodeEscaped(text, '\\', jsEscapeAt)

const jsEscapeAt: ReadEscape = (text, at) => {
  const next = text[at + 1]
  if (next === undefined) return 0
  if ((next === 'u' || next === 'U') && hexDigitsAt(text, at + 2, 4) === 4)
    return escapeOf(6, byteOf(hexAt(text, at + 2, 4)))
  if ((next === 'x' || next === 'X') && hexDigitsAt(text, at + 2, 2) === 2) return escapeOf(4, hexAt(text, at + 2, 2))
  const octal = octalDigitsAt(text, at + 1)
  if (octal > 0) return escapeOf(1 + octal, Number.parseInt(text.slice(at + 1, at + 1 + octal), 8))
  return escapeOf(2, (jsControls[next] ?? next).charCodeAt(0))
}

/** As many as a byte has. */
function octalDigitsAt(text: string, at: number): number {
  const most = text.charCodeAt(at) <= 0x33 ? 3 : 2
  let count = 0
  while (count < most && (text.charCodeAt(at + count) & ~7) === 0x30) count += 1
  return count
}

/** CSS 2.1, 4.1.3: up to six hexadecimal digits and one blank. */
export const decodeCss = (text: string): string => decodeEscaped(text, '\\', cssEscapeAt)

const cssEscapeAt: ReadEscape = (text, at) => {
  const digits = hexDigitsAt(text, at + 1, 6)
  if (digits > 0) {
    const blank = text.charCodeAt(at + 1 + digits)
    const isBlank = (blank >= 0x09 && blank <= 0x0d) || blank === 0x20
    return escapeOf(1 + digits + Number(isBlank), byteOf(hexAt(text, at + 1, digits)))
  }
  if (at + 1 === text.length) return escapeOf(1, nothing)
  return escapeOf(2, text[at + 1] === '\n' ? nothing : text.charCodeAt(at + 1))
}

const escapes: Readonly<Record<string, string>> = { ...jsControls, '\\': '\\', '?': '?', "'": "'", '"': '"' }

/** Those of ANSI C; what is none stays as it is. */
export function decodeEscapes(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:x([0-9a-f]{2})|([0-7]{1,3})|([abfnrtv\\?'"]))/gi,
    (whole, hex?: string, octal?: string, other?: string) => {
      if (hex !== undefined) return char(Number.parseInt(hex, 16))
      if (octal !== undefined) return char(Number.parseInt(octal, 8) & 0xff)
      return escapes[other as string] ?? whole
    },
  )
}

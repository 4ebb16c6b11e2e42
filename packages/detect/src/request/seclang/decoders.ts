// SPDX-License-Identifier: Apache-2.0

import { decodePercent } from '../decode/percent.ts'

const char = String.fromCharCode
const plain = (text: string) => (text.includes('+') ? text.replaceAll('+', ' ') : text)

export const decodeUrl = (text: string): string => decodePercent(plain(text))

/** Besides %XX also %uXXXX, of which the low byte stays; full-width forms become the ASCII they look like. */
export function decodeUrlUnicode(text: string): string {
  const spaced = plain(text)
  if (!/%u/i.test(spaced)) return decodePercent(spaced)
  return spaced.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/gi, (_, wide?: string, narrow?: string) =>
    wide === undefined ? char(Number.parseInt(narrow as string, 16)) : lowByte(wide),
  )
}

/** U+FF01 to U+FF5E stand for U+0021 to U+007E. */
function lowByte(hex: string): string {
  const byte = Number.parseInt(hex.slice(-2), 16)
  return char(/^0*ff..$/i.test(hex) && byte > 0 && byte < 0x5f ? byte + 0x20 : byte)
}

const namedEntities: Readonly<Record<string, string>> = { quot: '"', amp: '&', lt: '<', gt: '>', nbsp: '\xa0' }

/** Numbers, and the names that browsers read without a semicolon, too. */
export function decodeHtml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#x([0-9a-f]+)|#([0-9]+)|(quot|amp|lt|gt|nbsp));?/gi,
    (_, hex?: string, decimal?: string, name?: string) =>
      name === undefined
        ? char((hex === undefined ? Number(decimal) : Number.parseInt(hex.slice(-8), 16)) & 0xff)
        : (namedEntities[name.toLowerCase()] as string),
  )
}

const jsControls: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** ECMAScript's escapes; before any other character the backslash falls away. */
export function decodeJs(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([0-3][0-7]{0,2}|[4-7][0-7]?)|([\s\S]))/gi,
    (_, wide?: string, narrow?: string, octal?: string, other?: string) => {
      if (wide !== undefined) return lowByte(wide)
      if (narrow !== undefined) return char(Number.parseInt(narrow, 16))
      if (octal !== undefined) return char(Number.parseInt(octal, 8))
      return jsControls[other as string] ?? (other as string)
    },
  )
}

/** CSS 2.1, 4.1.3: up to six hexadecimal digits and one blank, of which the low byte stays. */
export function decodeCss(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:([0-9a-f]{1,6})[\t-\r ]?|(\n)|([\s\S])|$)/gi,
    (_, hex?: string, line?: string, other?: string) => {
      if (hex !== undefined) return lowByte(hex)
      return line === undefined ? (other ?? '') : ''
    },
  )
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

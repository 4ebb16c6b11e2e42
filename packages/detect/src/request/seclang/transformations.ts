// SPDX-License-Identifier: Apache-2.0

import { createHash } from 'node:crypto'
import { decodeCss, decodeEscapes, decodeHtml, decodeJs, decodeUrl, decodeUrlUnicode } from './decoders.ts'
import { groupsOf, groupsOfAll } from './groups.ts'
import {
  commandLine,
  compressWhitespace,
  lowerCase,
  normalizePath,
  removeCommentSigns,
  removeComments,
  replaceComments,
} from './rewriters.ts'

/**
 * One `t:`. Text is latin1, a character for each byte. A text without any byte of `changes` stays as it is, and is then
 * returned itself; `isCase`: it changes the case of letters alone; `isOpaque`: nothing of the text shows in what it returns.
 */
export type Transformation = {
  readonly apply: (text: string) => string
  readonly changes: number
  readonly isCase?: boolean
  readonly isOpaque?: boolean
}

const digest = (algorithm: string) => (text: string) => createHash(algorithm).update(text, 'latin1').digest('latin1')
const bytes = (text: string) => Buffer.from(text, 'latin1')
const [spaces, upper] = [groupsOf('\t\n\v\f\r \xa0'), groupsOf('A')]
const everything = groupsOfAll

const rows: Readonly<Record<string, Transformation>> = {
  lowercase: { apply: lowerCase, changes: upper, isCase: true },
  uppercase: {
    apply: (text) => text.replace(/[a-z]+/g, (run) => run.toUpperCase()),
    changes: groupsOf('a'),
    isCase: true,
  },
  urldecode: { apply: decodeUrl, changes: groupsOf('%+') },
  urldecodeuni: { apply: decodeUrlUnicode, changes: groupsOf('%+') },
  urlencode: { apply: encodeUrl, changes: everything },
  htmlentitydecode: { apply: decodeHtml, changes: groupsOf('&') },
  jsdecode: { apply: decodeJs, changes: groupsOf('\\') },
  cssdecode: { apply: decodeCss, changes: groupsOf('\\') },
  escapeseqdecode: { apply: decodeEscapes, changes: groupsOf('\\') },
  base64decode: { apply: decodeBase64Start, changes: everything },
  base64decodeext: { apply: (text) => decodeBase64(text.replace(/[^A-Za-z0-9+/=]+/g, '')), changes: everything },
  base64encode: { apply: (text) => bytes(text).toString('base64'), changes: everything, isOpaque: true },
  hexdecode: { apply: (text) => Buffer.from(text, 'hex').toString('latin1'), changes: everything },
  hexencode: { apply: (text) => bytes(text).toString('hex'), changes: everything, isOpaque: true },
  sqlhexdecode: { apply: decodeSqlHex, changes: groupsOf('x') },
  cmdline: { apply: commandLine, changes: groupsOf('\\"\'^,;\t\n\r /(A') },
  compresswhitespace: { apply: compressWhitespace, changes: spaces },
  removewhitespace: { apply: (text) => text.replace(/[\t\n\v\f\r \xa0]+/g, ''), changes: spaces },
  removenulls: { apply: (text) => text.replaceAll('\0', ''), changes: groupsOf('\0') },
  replacenulls: { apply: (text) => text.replaceAll('\0', ' '), changes: groupsOf('\0') },
  replacecomments: { apply: replaceComments, changes: groupsOf('/') },
  removecomments: { apply: removeComments, changes: groupsOf('/<-#') },
  removecommentschar: { apply: removeCommentSigns, changes: groupsOf('/*<-#') },
  normalizepath: { apply: normalizePath, changes: groupsOf('/.') },
  normalizepathwin: { apply: (text) => normalizePath(text.replaceAll('\\', '/')), changes: groupsOf('/.\\') },
  utf8tounicode: { apply: utf8ToUnicode, changes: groupsOf('\x80') },
  trim: { apply: (text) => text.replace(/^[\t-\r ]+/, '').trimEnd(), changes: spaces },
  trimleft: { apply: (text) => text.replace(/^[\t-\r ]+/, ''), changes: spaces },
  trimright: { apply: (text) => text.trimEnd(), changes: spaces },
  length: { apply: (text) => String(text.length), changes: everything, isOpaque: true },
  sha1: { apply: digest('sha1'), changes: everything, isOpaque: true },
  md5: { apply: digest('md5'), changes: everything, isOpaque: true },
}

const spellings: Readonly<Record<string, string>> = {
  normalisepath: 'normalizepath',
  normalisepathwin: 'normalizepathwin',
}

/** By its name in SecLang, in any case; undefined for one that is not known. */
export function transformationNamed(name: string): Transformation | undefined {
  const lower = name.toLowerCase()
  const known = spellings[lower] ?? lower
  return Object.hasOwn(rows, known) ? rows[known] : undefined
}

function encodeUrl(text: string): string {
  return text
    .replace(/[^A-Za-z0-9* ]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replaceAll(' ', '+')
}

const sextets = Uint8Array.from({ length: 256 }, (_, byte) => {
  const place = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.indexOf(String.fromCharCode(byte))
  return place < 0 ? 255 : place
})

/** As far as the text is base64. Most text is for a few letters: that is told without a call out of the language. */
function decodeBase64Start(text: string): string {
  let length = 0
  while (length < text.length && (sextets[text.charCodeAt(length)] as number) < 64) length += 1
  if (length > 64) return decodeBase64(text.slice(0, length))
  let [decoded, bits, count] = ['', 0, 0]
  for (let at = 0; at < length; at += 1) {
    bits = (bits << 6) | (sextets[text.charCodeAt(at)] as number)
    count += 6
    if (count < 8) continue
    count -= 8
    decoded += String.fromCharCode((bits >> count) & 0xff)
    bits &= (1 << count) - 1
  }
  return decoded
}

const decodeBase64 = (text: string) => Buffer.from(text, 'base64').toString('latin1')

function decodeSqlHex(text: string): string {
  return text.replace(/0x((?:[0-9a-f]{2})+)/gi, (_, hex: string) => Buffer.from(hex, 'hex').toString('latin1'))
}

/** Each well-formed sequence of more than one byte becomes %uXXXX, so that look-alikes of ASCII show. */
function utf8ToUnicode(text: string): string {
  if (!/[\xc2-\xf4]/.test(text)) return text
  // Two bytes become six, and none becomes more.
  const left = Buffer.allocUnsafe(3 * text.length)
  let length = 0
  for (let at = 0; at < text.length; ) {
    const bytes = sequenceLength(text, at)
    if (bytes === 0) left[length++] = text.charCodeAt(at)
    else length += writeCode(left, length, codeAt(text, at, bytes))
    at += Math.max(bytes, 1)
  }
  return left.toString('latin1', 0, length)
}

const hexDigits = Buffer.from('0123456789abcdef')

/** As %uXXXX, with more digits where it has more; returns how many bytes that takes. */
function writeCode(into: Buffer, from: number, code: number): number {
  const digits = code > 0xf_ffff ? 6 : code > 0xffff ? 5 : 4
  into[from] = 0x25
  into[from + 1] = 0x75
  for (let place = 0; place < digits; place += 1)
    into[from + 2 + place] = hexDigits[(code >> (4 * (digits - 1 - place))) & 0xf] as number
  return digits + 2
}

/** RFC 3629, 4; 0 for a byte that begins none. */
function sequenceLength(text: string, at: number): number {
  const lead = text.charCodeAt(at)
  if (lead < 0xc2 || lead > 0xf4) return 0
  const second = text.charCodeAt(at + 1)
  const [least, most] = [lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf]
  if (!(second >= least && second <= most)) return 0
  const bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  for (let place = at + 2; place < at + bytes; place += 1) if ((text.charCodeAt(place) & 0xc0) !== 0x80) return 0
  return bytes
}

function codeAt(text: string, at: number, bytes: number): number {
  let code = text.charCodeAt(at) & (0x7f >> bytes)
  for (let place = at + 1; place < at + bytes; place += 1) code = (code << 6) | (text.charCodeAt(place) & 0x3f)
  return code
}

// SPDX-License-Identifier: Apache-2.0

import { entityAt, percentUnicodeAt } from '../seclang/decoders.ts'
import type { Processor } from './body.ts'
import { escapeOf, hexByte, percentAt, type ReadEscape } from './percent.ts'

const [space, percent, ampersand, plus, quote, equals, backslash] = [0x20, 0x25, 0x26, 0x2b, 0x22, 0x3d, 0x5c] as const

/** What parts one value from the next in text that is only searched: a sign that no text has. */
export const parted = '\x1e'

/**
 * Text that is only searched, without the escapes of forms, JSON, HTML and XML, whichever of them it has, and those within them: so many
 * times. What parts values, `&` of a form and quotes of JSON, is `parted`. Each time takes time linear in the text.
 */
export function plainOf(bytes: Uint8Array, processor: Processor, timesMax: number): Buffer {
  const plain = Buffer.from(bytes)
  let length = undo(plain, parting[processor] ?? readers)
  for (let time = 1, before = bytes.length; time < timesMax && length < before; time += 1) {
    before = length
    length = undo(plain.subarray(0, length), readers)
  }
  return plain.subarray(0, length)
}

/** In place, for what is undone becomes shorter; returns how long it is then. */
function undo(bytes: Buffer, read: ReadonlyMap<number, ReadEscape>): number {
  const text = bytes.toString('latin1')
  let to = 0
  for (let at = 0; at < bytes.length; ) {
    const unit = bytes[at] as number
    const found = isSign[unit] === 1 ? (read.get(unit)?.(text, at) ?? 0) : 0
    bytes[to++] = found === 0 ? unit : found & 255
    at += found === 0 ? 1 : found >>> 9
  }
  return to
}

/** `\uXXXX` and `\xXX`, of which the low byte stays, and what stands for itself behind a backslash. */
const backslashAt: ReadEscape = (text, at) => {
  const unit = text.charCodeAt(at + 1)
  if (unit === quote || unit === backslash || unit === 0x2f) return escapeOf(2, unit)
  const isWide = (unit | 0x20) === 0x75
  if (!isWide && unit !== 0x78) return 0
  const byte = hexByte(text, at + (isWide ? 4 : 2))
  if (byte === undefined || (isWide && hexByte(text, at + 2) === undefined)) return 0
  return escapeOf(isWide ? 6 : 4, byte)
}

/** In JSON, which writes ends of lines and tabs as two characters. */
const jsonBackslashAt: ReadEscape = (text, at) =>
  'nrtbf'.includes(text[at + 1] ?? ' ') ? escapeOf(2, space) : backslashAt(text, at)

const always = (byte: number): ReadEscape => {
  const found = escapeOf(1, byte)
  return () => found
}

const readers: ReadonlyMap<number, ReadEscape> = new Map([
  [percent, percentUnicodeAt],
  [backslash, backslashAt],
  [ampersand, entityAt],
])
const parts = always(parted.charCodeAt(0))
const parting: { readonly [processor in Processor]?: ReadonlyMap<number, ReadEscape> } = {
  URLENCODED: new Map([...readers, [ampersand, parts], [plus, always(space)]]),
  JSON: new Map([...readers, [quote, parts], [backslash, jsonBackslashAt]]),
  // RFC 2045, 6.7: a part may be quoted-printable.
  MULTIPART: new Map([...readers, [equals, percentAt]]),
}
const isSign = new Uint8Array(256)
for (const sign of [percent, ampersand, plus, quote, equals, backslash]) isSign[sign] = 1

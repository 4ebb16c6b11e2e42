// SPDX-License-Identifier: Apache-2.0

import { decodeLimits } from '../limits.ts'

/** The value of a hexadecimal digit, 255 for every other character below 256. */
const digits = Uint8Array.from({ length: 256 }, (_, unit) => {
  const value = Number.parseInt(String.fromCharCode(unit), 16)
  return Number.isNaN(value) ? 255 : value
})

const hexDigit = (unit: number): number => digits[unit] ?? 255

/** How many hexadecimal digits stand at a place, up to `most`. */
export function hexDigitsAt(text: string, at: number, most: number): number {
  let count = 0
  while (count < most && hexDigit(text.charCodeAt(at + count)) < 16) count += 1
  return count
}

/** The byte that the two digits at `at` stand for; undefined when they are no such digits. */
export function hexByte(text: string, at: number): number | undefined {
  if (at + 2 > text.length) return undefined
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high > 15 || low > 15 ? undefined : high * 16 + low
}

/**
 * What stands at a sign of an escape: how many characters it takes, times 512, and the byte that it means, or `nothing`.
 * 0: it is no escape, and the sign stays.
 */
export type ReadEscape = (text: string, at: number) => number
export const nothing = 256
export const escapeOf = (chars: number, byte: number): number => chars * 512 + byte

/** What is written here is read at once; for longer text no room is kept. */
const room = Buffer.alloc(decodeLimits.headBytesMax)
export const roomFor = (chars: number): Buffer => (chars <= room.length ? room : Buffer.allocUnsafe(chars))

/** Undoes the escapes that begin with one sign. What is written is never longer than what is read. */
export function decodeEscaped(text: string, sign: string, read: ReadEscape): string {
  if (!text.includes(sign)) return text
  const into = roomFor(text.length)
  const unitOfSign = sign.charCodeAt(0)
  let to = 0
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at)
    const found = unit === unitOfSign ? read(text, at) : 0
    if (found === 0) into[to++] = unit
    else if ((found & 511) !== nothing) into[to++] = found & 511
    at += found === 0 ? 1 : found >>> 9
  }
  return into.toString('latin1', 0, to)
}

/** Decodes %XX once; a % without two digits stays as it is. */
export const decodePercent = (text: string): string => decodeEscaped(text, '%', percentAt)

export const percentAt: ReadEscape = (text, at) => {
  const byte = hexByte(text, at + 1)
  return byte === undefined ? 0 : escapeOf(3, byte)
}

/** As forms are written (WHATWG URL, 5.1): + is a space, then %XX. */
export const decodeForm = (text: string): string => decodePercent(text.includes('+') ? text.replaceAll('+', ' ') : text)

/** Whether there is a % that does not begin %XX or %uXXXX. */
export const hasLoosePercent = (text: string): boolean =>
  text.includes('%') && /%(?![0-9a-f]{2}|u[0-9a-f]{4})/i.test(text)

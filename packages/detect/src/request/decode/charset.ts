// SPDX-License-Identifier: Apache-2.0

import { roomFor } from './percent.ts'

/** In which an attack is no text to those that read bytes, and is to the service. */
export const strangeCharset = /^(?:utf-?7|utf-?16|utf-?32|ucs-?[24]|ibm|cp037)/i

/**
 * What of a text is ASCII, which is all that attacks are written in: of UTF-16 and UTF-32, in either order, what is left without the
 * zeros; of UTF-7 (RFC 2152) what stands between `+` and `-` in base64. `text` is latin1.
 */
export function asciiOf(text: string, charset: string): string {
  return /^utf-?7/i.test(charset) ? fromUtf7(text) : text.replace(/^(?:\xff\xfe|\xfe\xff)/, '').replaceAll('\0', '')
}

const [plus, minus] = [0x2b, 0x2d] as const
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const digits = Int8Array.from({ length: 256 }, (_, unit) => alphabet.indexOf(String.fromCharCode(unit)))
/** In base64; -1 for what is none. */
const digitAt = (text: string, at: number): number => digits[text.charCodeAt(at)] ?? -1

function fromUtf7(text: string): string {
  const into = roomFor(text.length)
  let to = 0
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at)
    at += 1
    if (unit !== plus) {
      into[to++] = unit
      continue
    }
    // `+-` is the sign itself.
    if (digitAt(text, at) < 0) into[to++] = plus
    let [held, bits] = [0, 0]
    for (; digitAt(text, at) >= 0; at += 1) {
      held = ((held << 6) | digitAt(text, at)) & 0xffff
      bits = (bits + 6) % 8
      const byte = (held >> bits) & 0xff
      // Of four digits all but the first complete a byte.
      if (bits < 6 && byte !== 0) into[to++] = byte
    }
    if (text.charCodeAt(at) === minus) at += 1
  }
  return into.toString('latin1', 0, to)
}

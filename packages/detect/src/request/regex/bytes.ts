// SPDX-License-Identifier: Apache-2.0

/** Which of the 256 bytes are in it: a 1 for each. */
export type ByteSet = Uint8Array

export function byteSet(has: (byte: number) => boolean): ByteSet {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(has(byte)))
}

const within = (low: number, high: number) => byteSet((byte) => byte >= low && byte <= high)
const inverse = (set: ByteSet) => byteSet((byte) => set[byte] === 0)

export function union(...sets: readonly ByteSet[]): ByteSet {
  const all = new Uint8Array(256)
  for (const set of sets)
    for (let byte = 0; byte < 256; byte += 1) all[byte] = (all[byte] as number) | (set[byte] as number)
  return all
}

const singles = Array.from({ length: 256 }, (_, byte) => within(byte, byte))
export const single = (byte: number): ByteSet => singles[byte] as ByteSet
export const range = within
export const complement = inverse
export const everything = byteSet(() => true)

export const isWordByte = (byte: number): boolean => word[byte] === 1

const [digit, upper, lower] = [within(0x30, 0x39), within(0x41, 0x5a), within(0x61, 0x7a)]
const word = union(digit, upper, lower, single(0x5f))
// As PCRE2 has them for bytes in the C locale.
const space = union(within(0x09, 0x0d), single(0x20))
const blank = union(single(0x09), single(0x20))
const vertical = union(within(0x0a, 0x0d), single(0x85))
const horizontal = union(blank, single(0xa0))
const graphic = within(0x21, 0x7e)

/** Behind a backslash. */
export const escapedClasses: Readonly<Record<string, ByteSet>> = {
  d: digit,
  D: inverse(digit),
  w: word,
  W: inverse(word),
  s: space,
  S: inverse(space),
  h: horizontal,
  H: inverse(horizontal),
  v: vertical,
  V: inverse(vertical),
  N: inverse(single(0x0a)),
}

/** As in [[:alpha:]]. */
export const posixClasses: Readonly<Record<string, ByteSet>> = {
  alnum: union(digit, upper, lower),
  alpha: union(upper, lower),
  ascii: within(0, 0x7f),
  blank,
  cntrl: union(within(0, 0x1f), single(0x7f)),
  digit,
  graph: graphic,
  lower,
  print: within(0x20, 0x7e),
  punct: byteSet((byte) => graphic[byte] === 1 && (word[byte] === 0 || byte === 0x5f)),
  space,
  upper,
  word,
  xdigit: union(digit, within(0x41, 0x46), within(0x61, 0x66)),
}

/** With both cases of every ASCII letter that is in it. */
export function folded(set: ByteSet): ByteSet {
  const known = foldings.get(set)
  if (known) return known
  const made = byteSet((byte) => set[byte] === 1 || (isLetter(byte) && set[byte ^ 0x20] === 1))
  foldings.set(set, made)
  return made
}

/** Single bytes are folded over and over. */
const foldings = new WeakMap<ByteSet, ByteSet>()

const isLetter = (byte: number) => upper[byte] === 1 || lower[byte] === 1

/** Of bytes, letters of ASCII alone have a case: what latin1 has of others is a part of something else. */
export const inLowerCase = (bytes: string): string => bytes.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

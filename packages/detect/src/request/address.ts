// SPDX-License-Identifier: Apache-2.0
// Addresses as numbers, read from text without building anything: each request brings one.

/** 4, 6, or 0 for what is no address. */
export type Family = 0 | 4 | 6
export type AddressWords = Uint32Array<ArrayBuffer>

/** Room for one address of either family. */
export const newAddressWords = (): AddressWords => new Uint32Array(4)

/** The longest that IPv6 can be written: eight groups, the last two as IPv4 (RFC 4291, 2.2). */
export const addressUnitsMax = 45

const [dot, zero, colon] = [0x2e, 0x30, 0x3a]

/**
 * Reads the address that `text` is from `from` up to `to`, strictly: no zone, no leading zeros in IPv4, which some read as
 * octal, nothing around it. IPv4 is put in the first word, IPv6 in four; IPv4 in the dress of IPv6 (::ffff:192.0.2.1) is IPv4.
 */
export function readAddress(text: string, from: number, to: number, words: AddressWords): Family {
  if (to - from > addressUnitsMax) return 0
  const four = readFour(text, from, to)
  if (four >= 0) {
    words[0] = four
    return 4
  }
  if (!readSix(text, from, to, words)) return 0
  if (words[0] !== 0 || words[1] !== 0 || words[2] !== 0xffff) return 6
  words[0] = words[3] as number
  return 4
}

/** -1 for what is no IPv4 address. */
function readFour(text: string, from: number, to: number): number {
  let value = 0
  let octet = -1
  let dots = 0
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at)
    if (code === dot) {
      if (octet < 0 || dots === 3) return -1
      value = value * 256 + octet
      octet = -1
      dots += 1
      continue
    }
    const digit = code - zero
    if (digit < 0 || digit > 9 || octet === 0) return -1
    octet = octet < 0 ? digit : octet * 10 + digit
    if (octet > 255) return -1
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1
}

const groups = new Uint16Array(8)

/** RFC 4291, 2.2: eight groups, one gap of at least one group, the last 32 bits as IPv4 where somebody likes that. */
function readSix(text: string, from: number, to: number, words: AddressWords): boolean {
  let count = 0
  let gap = -1
  let at = from
  if (text.charCodeAt(at) === colon && text.charCodeAt(at + 1) === colon && to - from >= 2) {
    gap = 0
    at += 2
  }
  while (at < to) {
    const end = hexEnd(text, at, to)
    if (end < to && text.charCodeAt(end) === dot) {
      const four = readFour(text, at, to)
      if (four < 0 || count > 6) return false
      groups[count] = four >>> 16
      groups[count + 1] = four
      count += 2
      break
    }
    if (end === at || end - at > 4 || count === 8) return false
    groups[count] = hexValue(text, at, end)
    count += 1
    if (end === to) break
    at = end + 1
    if (text.charCodeAt(end) !== colon || at === to) return false
    if (text.charCodeAt(at) !== colon) continue
    if (gap >= 0) return false
    gap = count
    at += 1
  }
  if (gap < 0 ? count !== 8 : count > 7) return false
  spread(gap < 0 ? count : gap, count, words)
  return true
}

/** Groups before the gap stand at the start, those behind it at the end, and what lies between is zero. */
function spread(gap: number, count: number, words: AddressWords): void {
  const missing = 8 - count
  for (let half = 0; half < 8; half += 2)
    words[half >> 1] = groupAt(half, gap, missing) * 65_536 + groupAt(half + 1, gap, missing)
}

function groupAt(place: number, gap: number, missing: number): number {
  if (place < gap) return groups[place] as number
  return place < gap + missing ? 0 : (groups[place - missing] as number)
}

/** -1 for what is no hexadecimal digit. */
function hexDigit(code: number): number {
  const digit = code - zero
  if (digit >= 0 && digit <= 9) return digit
  const letter = (code | 0x20) - 0x61
  return letter >= 0 && letter <= 5 ? letter + 10 : -1
}

function hexEnd(text: string, from: number, to: number): number {
  let at = from
  while (at < to && hexDigit(text.charCodeAt(at)) >= 0) at += 1
  return at
}

function hexValue(text: string, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at += 1) value = value * 16 + hexDigit(text.charCodeAt(at))
  return value
}

/** RFC 5952 for IPv6. */
export function addressText(family: 4 | 6, words: ArrayLike<number>): string {
  const halves = Array.from({ length: family === 4 ? 2 : 8 }, (_, half) => {
    const word = words[half >> 1] as number
    return half % 2 === 0 ? word >>> 16 : word & 0xffff
  })
  if (family === 4) return halves.map((half) => `${half >> 8}.${half & 255}`).join('.')
  const [from, length] = longestZeros(halves)
  const hex = halves.map((half) => half.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, from).join(':')}::${hex.slice(from + length).join(':')}`
}

/** The first of the longest runs. */
function longestZeros(halves: readonly number[]): readonly [from: number, length: number] {
  let [best, length] = [0, 0]
  for (let from = 0; from < halves.length; from += 1) {
    let to = from
    while (halves[to] === 0) to += 1
    if (to - from > length) [best, length] = [from, to - from]
  }
  return [best, length]
}

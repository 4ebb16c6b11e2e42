// SPDX-License-Identifier: Apache-2.0

/** A set of rules, by their numbers: one bit each. All sets of one rule base are of one length. */
export type Bits = Int32Array

export const createBits = (count: number): Bits => new Int32Array((count + 31) >>> 5)

export function addBit(bits: Bits, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] as number) | (1 << (index & 31))
}
export function removeBit(bits: Bits, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] as number) & ~(1 << (index & 31))
}
export const hasBit = (bits: Bits, index: number): boolean =>
  ((bits[index >>> 5] as number) & (1 << (index & 31))) !== 0

export function addBits(to: Bits, from: Bits): void {
  for (let word = 0; word < to.length; word += 1) to[word] = (to[word] as number) | (from[word] as number)
}

/** What is in both is added. */
export function addCommon(to: Bits, one: Bits, other: Bits): void {
  for (let word = 0; word < to.length; word += 1)
    to[word] = (to[word] as number) | ((one[word] as number) & (other[word] as number))
}

/** The next one from `from` on, -1 when there is none. */
export function nextBit(bits: Bits, from: number): number {
  let word = from >>> 5
  if (word >= bits.length) return -1
  let rest = (bits[word] as number) & (-1 << (from & 31))
  while (rest === 0) {
    word += 1
    if (word >= bits.length) return -1
    rest = bits[word] as number
  }
  return (word << 5) + 31 - Math.clz32(rest & -rest)
}

// SPDX-License-Identifier: Apache-2.0

import { type AddressWords, newAddressWords, readAddress } from '../address.ts'
import { reputationLimits } from './limits.ts'
import { addPrefix, type EntryTerms, type PrefixHeap, widthOf } from './prefix-rows.ts'

export type Heaps = { readonly 4: PrefixHeap; readonly 6: PrefixHeap }

const [slash, dash] = [0x2f, 0x2d]
const [low, high] = [newAddressWords(), newAddressWords()]

/**
 * Adds the address, prefix or range (`a-b`) that `text` is from `from` up to `to`. Returns the rule that it breaks, if it
 * does: 192.0.2.7/24 is one address or a network, and nobody can say which.
 */
export function addEntry(text: string, from: number, to: number, heaps: Heaps, terms: EntryTerms): string | undefined {
  const at = mark(text, from, to)
  const family = readAddress(text, from, at, low)
  if (family === 0) return 'an address, prefix or range'
  const size = family === 4 ? 32 : 128
  if (at === to) return addOne(heaps[family], low, size, terms)
  if (text.charCodeAt(at) === dash) {
    if (readAddress(text, at + 1, to, high) !== family) return 'a range of one family'
    return addRange(heaps[family], terms)
  }
  const isMapped = family === 4 && text.slice(from, at).includes(':')
  const bits = numberIn(text, at + 1, to) - (isMapped ? 96 : 0)
  // What is no number is not at most the size either.
  if (!(bits >= 0 && bits <= size)) return 'a length of a prefix'
  return addOne(heaps[family], low, bits, terms)
}

function mark(text: string, from: number, to: number): number {
  let at = from
  while (at < to && text.charCodeAt(at) !== slash && text.charCodeAt(at) !== dash) at += 1
  return at
}

/** Of one to three digits without a zero before them; else NaN. */
function numberIn(text: string, from: number, to: number): number {
  const digits = text.slice(from, to)
  return /^(0|[1-9]\d{0,2})$/.test(digits) ? Number(digits) : Number.NaN
}

function addOne(heap: PrefixHeap, words: AddressWords, bits: number, terms: EntryTerms): string | undefined {
  if (bits < reputationLimits.bitsMin[heap.family]) return 'a prefix that is not as wide as that'
  if (!isExact(heap.family, words, bits)) return 'a prefix without bits behind its length'
  addPrefix(heap, words, bits, terms)
  return undefined
}

function isExact(family: 4 | 6, words: AddressWords, bits: number): boolean {
  for (let word = bits >>> 5; word < widthOf(family); word += 1) {
    const kept = word === bits >>> 5 ? bits & 31 : 0
    const behind = kept === 0 ? (words[word] as number) : (words[word] as number) << kept
    if (behind !== 0) return false
  }
  return true
}

/** As the fewest prefixes. */
function addRange(heap: PrefixHeap, terms: EntryTerms): string | undefined {
  const { family } = heap
  const size = family === 4 ? 32n : 128n
  let [first, last] = [numberOf(family, low), numberOf(family, high)]
  if (first > last) return 'a range from low to high'
  const pieces: { readonly first: bigint; readonly bits: number }[] = []
  while (first <= last) {
    let free = 0n
    while (free < size && (first & (1n << free)) === 0n && first + (1n << (free + 1n)) - 1n <= last) free += 1n
    pieces.push({ first, bits: Number(size - free) })
    first += 1n << free
  }
  if (pieces.some(({ bits }) => bits < reputationLimits.bitsMin[family])) return 'a range that is not as wide as that'
  for (const piece of pieces) addPrefix(heap, wordsOf(family, piece.first), piece.bits, terms)
  return undefined
}

const numberOf = (family: 4 | 6, words: AddressWords): bigint =>
  [...words.subarray(0, widthOf(family))].reduce((sum, word) => (sum << 32n) | BigInt(word), 0n)

function wordsOf(family: 4 | 6, value: bigint): AddressWords {
  const words = newAddressWords()
  const width = widthOf(family)
  for (let word = 0; word < width; word += 1)
    words[word] = Number((value >> BigInt(32 * (width - 1 - word))) & 0xffff_ffffn)
  return words
}

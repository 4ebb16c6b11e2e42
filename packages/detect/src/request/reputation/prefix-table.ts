// SPDX-License-Identifier: Apache-2.0

import type { AddressWords } from '../address.ts'
import { type PrefixRows, widthOf } from './prefix-rows.ts'

/**
 * Rows in order, made to be searched. Prefixes nest or are apart, so all that hold an address are the innermost one and those
 * around it: a search finds the first, and each knows the next.
 */
export type PrefixTable = PrefixRows & {
  /** Where the next one around it stands, or the same one of another feed; -1: nowhere. */
  readonly parents: Int32Array
  /** Where those begin whose first bits are the place in this list. */
  readonly starts: Uint32Array
  /** How many bits of a first word are not among these. */
  readonly shift: number
}

const startBitsMax = 16
/** Rows between two starts, if they are spread evenly: two steps find one. */
const rowsPerStart = 4

export function tableOf(rows: PrefixRows): PrefixTable {
  const { family, count, lows } = rows
  const width = widthOf(family)
  const parents = new Int32Array(count)
  const table = { ...rows, parents, ...startsOf(lows, count, width) }
  for (let at = 0; at < count; at += 1)
    parents[at] = holding(table, at - 1, lows.subarray(at * width, (at + 1) * width))
  return table
}

function startsOf(lows: Uint32Array, count: number, width: number): Pick<PrefixTable, 'starts' | 'shift'> {
  const startBits = Math.min(startBitsMax, Math.max(1, Math.ceil(Math.log2(Math.max(1, count / rowsPerStart)))))
  const shift = 32 - startBits
  const starts = new Uint32Array(2 ** startBits + 1)
  let at = 0
  for (let start = 0; start < starts.length; start += 1) {
    while (at < count && (lows[at * width] as number) >>> shift < start) at += 1
    starts[start] = at
  }
  return { starts, shift }
}

/** Where the innermost prefix stands that holds the address; those around it are its parents. -1: none does. */
export function innermost(table: PrefixTable, words: AddressWords): number {
  const { family, lows, starts, shift } = table
  const first = words[0] as number
  let low = starts[first >>> shift] as number
  let high = starts[(first >>> shift) + 1] as number
  while (low < high) {
    const middle = (low + high) >>> 1
    if (family === 4 ? (lows[middle] as number) > first : isSixAfter(lows, 4 * middle, words)) high = middle
    else low = middle + 1
  }
  return holding(table, low - 1, words)
}

function isSixAfter(lows: Uint32Array, from: number, words: AddressWords): boolean {
  for (let word = 0; word < 4; word += 1) {
    const apart = (lows[from + word] as number) - (words[word] as number)
    if (apart !== 0) return apart > 0
  }
  return false
}

/** The first of `at` and those around it that holds the address; -1: none does. */
function holding(table: Pick<PrefixTable, 'family' | 'lows' | 'bits' | 'parents'>, at: number, words: Uint32Array) {
  let found = at
  while (found >= 0 && !holds(table, found, words)) found = table.parents[found] as number
  return found
}

function holds({ family, lows, bits }: Pick<PrefixTable, 'family' | 'lows' | 'bits'>, at: number, words: Uint32Array) {
  let left = bits[at] as number
  let from = family === 4 ? at : 4 * at
  for (let word = 0; left > 0; word += 1) {
    const apart = (lows[from] as number) ^ (words[word] as number)
    // A shift counts modulo 32.
    if (left >= 32 ? apart !== 0 : apart >>> (32 - left) !== 0) return false
    left -= 32
    from += 1
  }
  return true
}

export const bytesOf = (table: PrefixTable): number =>
  [table.lows, table.bits, table.feeds, table.untils, table.shares, table.parents, table.starts].reduce(
    (sum, { byteLength }) => sum + byteLength,
    0,
  )

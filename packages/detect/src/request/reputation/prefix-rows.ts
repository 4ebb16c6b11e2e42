// SPDX-License-Identifier: Apache-2.0
// Prefixes of one family as columns: a million of them are a few megabytes, and nothing for the collector to walk over.

import type { AddressWords } from '../address.ts'

/** Of an entry of a feed. */
export type EntryTerms = {
  /** Seconds of Unix time until which it holds; 0: as long as its feed does. */
  readonly until: number
  /** Hundredths of the feed's weight. */
  readonly share: number
}

export type PrefixRows = {
  readonly family: 4 | 6
  readonly count: number
  /** The first address of each, in 32-bit words: one for IPv4, four for IPv6. */
  readonly lows: Uint32Array
  readonly bits: Uint8Array
  /** The number of the feed that says so. */
  readonly feeds: Uint8Array
  readonly untils: Uint32Array
  readonly shares: Uint8Array
}
type OpenRows = { -readonly [Column in keyof PrefixRows]: PrefixRows[Column] }

/** Prefixes as they come, in any order. */
export type PrefixHeap = OpenRows

const roomAtFirst = 256

/** Words of an address. */
export const widthOf = (family: 4 | 6) => (family === 4 ? 1 : 4)

export const newHeap = (family: 4 | 6): PrefixHeap => roomFor(family, 0)

const roomFor = (family: 4 | 6, room: number): OpenRows => ({
  family,
  count: 0,
  lows: new Uint32Array(room * widthOf(family)),
  bits: new Uint8Array(room),
  feeds: new Uint8Array(room),
  untils: new Uint32Array(room),
  shares: new Uint8Array(room),
})

export function addPrefix(heap: PrefixHeap, words: AddressWords, bits: number, terms: EntryTerms): void {
  if (heap.count === heap.bits.length) {
    const larger = roomFor(heap.family, Math.max(roomAtFirst, 2 * heap.count))
    larger.lows.set(heap.lows)
    larger.bits.set(heap.bits)
    larger.untils.set(heap.untils)
    larger.shares.set(heap.shares)
    Object.assign(heap, larger, { count: heap.count })
  }
  const width = widthOf(heap.family)
  const at = heap.count++
  for (let word = 0; word < width; word += 1) heap.lows[at * width + word] = words[word] as number
  heap.bits[at] = bits
  heap.untils[at] = terms.until
  heap.shares[at] = terms.share
}

/** In order and each once, in linear time: of what is there twice, the greater weight and the later end are kept. */
export function rowsOf(heap: PrefixHeap): PrefixRows {
  const order = orderOf(heap)
  const rows = roomFor(heap.family, heap.count)
  for (const from of order) {
    const last = rows.count - 1
    if (last >= 0 && compareRows(rows, last, heap, from) === 0) keepBetter(rows, last, heap, from)
    else copyRow(rows, heap, from)
  }
  return cut(rows)
}

/** What `rows` says without its feed `feed`, and in its place what `others` say. */
export function replaceFeed(rows: PrefixRows, feed: number, others: PrefixRows): PrefixRows {
  const merged = roomFor(rows.family, rows.count + others.count)
  let other = 0
  const takeOther = () => {
    copyRow(merged, others, other)
    merged.feeds[merged.count - 1] = feed
    other += 1
  }
  for (let at = 0; at < rows.count; at += 1) {
    if (rows.feeds[at] === feed) continue
    while (other < others.count && compareRows(others, other, rows, at) < 0) takeOther()
    copyRow(merged, rows, at)
  }
  while (other < others.count) takeOther()
  return cut(merged)
}

/** Of all addresses of the family: the prefixes that no other one is around. */
export function coveredShare({ family, count, lows, bits }: PrefixRows): number {
  const width = widthOf(family)
  let [share, end] = [0, 0]
  for (let at = 0; at < count; at += 1) {
    const from = (lows[at * width] as number) / 2 ** 32
    const size = 2 ** -(bits[at] as number)
    if (from < end) continue
    share += size
    end = from + size
  }
  return share
}

/** By first address, the wider first. */
function compareRows(one: PrefixRows, oneAt: number, other: PrefixRows, otherAt: number): number {
  const width = widthOf(one.family)
  for (let word = 0; word < width; word += 1) {
    const apart = (one.lows[oneAt * width + word] as number) - (other.lows[otherAt * width + word] as number)
    if (apart !== 0) return apart
  }
  return (one.bits[oneAt] as number) - (other.bits[otherAt] as number)
}

function copyRow(rows: OpenRows, from: PrefixRows, fromAt: number): void {
  const width = widthOf(rows.family)
  const at = rows.count++
  for (let word = 0; word < width; word += 1) rows.lows[at * width + word] = from.lows[fromAt * width + word] as number
  rows.bits[at] = from.bits[fromAt] as number
  rows.feeds[at] = from.feeds[fromAt] as number
  rows.untils[at] = from.untils[fromAt] as number
  rows.shares[at] = from.shares[fromAt] as number
}

/** 0 is with its feed, whose end is put off again and again: it outlasts all others. */
function keepBetter(rows: OpenRows, at: number, from: PrefixRows, fromAt: number): void {
  const [known, next] = [rows.untils[at] as number, from.untils[fromAt] as number]
  rows.untils[at] = known === 0 || next === 0 ? 0 : Math.max(known, next)
  rows.shares[at] = Math.max(rows.shares[at] as number, from.shares[fromAt] as number)
}

/** Without the room that was not needed. */
function cut({ family, count, lows, bits, feeds, untils, shares }: PrefixRows): PrefixRows {
  if (count === bits.length) return { family, count, lows, bits, feeds, untils, shares }
  return {
    family,
    count,
    lows: lows.slice(0, count * widthOf(family)),
    bits: bits.slice(0, count),
    feeds: feeds.slice(0, count),
    untils: untils.slice(0, count),
    shares: shares.slice(0, count),
  }
}

/** Sorted by digits of 16 bits, the least significant first: hostile orders cost what others do. */
function orderOf({ family, count, lows, bits }: PrefixRows): Uint32Array {
  const width = widthOf(family)
  const places = new Uint32Array(65_537)
  let order = new Uint32Array(count)
  let next = new Uint32Array(count)
  for (let at = 0; at < count; at += 1) order[at] = at
  const sortBy = (digitOf: (at: number) => number) => {
    places.fill(0)
    for (let at = 0; at < count; at += 1) {
      const digit = digitOf(at)
      places[digit + 1] = (places[digit + 1] as number) + 1
    }
    for (let digit = 1; digit < places.length; digit += 1)
      places[digit] = (places[digit] as number) + (places[digit - 1] as number)
    for (let place = 0; place < count; place += 1) {
      const at = order[place] as number
      const digit = digitOf(at)
      const to = places[digit] as number
      places[digit] = to + 1
      next[to] = at
    }
    const done = order
    order = next
    next = done
  }
  sortBy((at) => bits[at] as number)
  for (let word = width - 1; word >= 0; word -= 1) {
    sortBy((at) => (lows[at * width + word] as number) & 0xffff)
    sortBy((at) => (lows[at * width + word] as number) >>> 16)
  }
  return order
}

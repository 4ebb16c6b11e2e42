// SPDX-License-Identifier: Apache-2.0

import type { FilterMatch } from '@sealwatch/contract/filter'
import type { Entry } from '../data/entry.ts'

/** What everybody who is up to date hears next: a line, or (`entry` undefined) how far the ledger is. */
export type Item = {
  /** Where to go on after it. */
  readonly cursor: number
  readonly bytes: number
  readonly entry: Entry | undefined
  /** Made at the first call. */
  frame(): Buffer
  /** Judged once for each filter. */
  matches(filter: FilterMatch): boolean
}

export type RingBounds = { readonly itemsMax: number; readonly bytesMax: number }

/** The newest items, each with a number of its own: they count up for ever. */
export type Ring = {
  /** What is heard before this cursor is gone, and must be read from the index. */
  readonly start: number
  /** Of the next item. */
  readonly end: number
  push(item: Item): void
  /** undefined: it is gone, or not there yet. */
  at(number: number): Item | undefined
  isGone(number: number): boolean
  /** The first item that somebody at this cursor has not heard. */
  numberAt(cursor: number): number
  trim(bounds: RingBounds): void
  /** Nothing is left of it; it goes on at `cursor`. */
  clear(cursor: number): void
}

export function createRing(cursor: number): Ring {
  let items: Item[] = []
  let first = 0
  let start = cursor
  let bytes = 0

  return {
    get start() {
      return start
    },
    get end() {
      return first + items.length
    },
    push: (item) => {
      items.push(item)
      bytes += item.bytes
    },
    at: (number) => items[number - first],
    isGone: (number) => number < first,
    numberAt: (wanted) => {
      // Cursors only grow.
      let low = 0
      let high = items.length
      while (low < high) {
        const middle = (low + high) >> 1
        if ((items[middle] as Item).cursor > wanted) high = middle
        else low = middle + 1
      }
      return first + low
    },
    trim: ({ itemsMax, bytesMax }) => {
      let gone = Math.max(0, items.length - itemsMax)
      for (const item of items.slice(0, gone)) bytes -= item.bytes
      while (bytes > bytesMax && gone < items.length) {
        bytes -= (items[gone] as Item).bytes
        gone += 1
      }
      if (gone === 0) return
      start = (items[gone - 1] as Item).cursor
      items = items.slice(gone)
      first += gone
    },
    clear: (next) => {
      // What is left out has a number, too: nobody who was at the end passes over it unseen.
      first += items.length + 1
      items = []
      bytes = 0
      start = next
    },
  }
}

export function itemOf(cursor: number, bytes: number, entry: Entry | undefined, make: () => Buffer): Item {
  let made: Buffer | undefined
  let judged: Map<FilterMatch, boolean> | undefined
  return {
    cursor,
    bytes,
    entry,
    frame: () => {
      made ??= make()
      return made
    },
    matches: (filter) => {
      if (entry === undefined) return true
      judged ??= new Map()
      const known = judged.get(filter)
      if (known !== undefined) return known
      const isMatch = filter(entry)
      judged.set(filter, isMatch)
      return isMatch
    },
  }
}

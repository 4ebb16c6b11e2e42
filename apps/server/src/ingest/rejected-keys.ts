// SPDX-License-Identifier: Apache-2.0

import type { Reason } from '../trust/index.ts'

/** Keys of a tenant that have series of their own. */
export const labelledKeysMax = 100
/** Keys of a tenant that are watched, so that one that is rejected often is found among many that are not. */
const watchedMax = 400
const keyCharsMax = 128
/** All other keys together. A key that is called so is one of them. */
export const otherKeys = 'other'
/** What names no key. */
const noKey = 'none'

type Series = { rank: number; readonly rows: Map<Reason, number> }

/**
 * The keys of one tenant whose rows were rejected most, in memory that does not grow with what a producer makes up.
 *
 * Who has a series keeps it until another key, rejected more than twice as often, takes its place; so the series that
 * Prometheus ever sees are at most `labelledKeysMax` times the binary logarithm of all rejected rows. Each row is counted
 * once, in the series that its key had then: sums of rates over the keys are exact.
 */
export type RejectedKeys = {
  add(reason: Reason, keyId: string | undefined, rows: number): void
  read(): Iterable<readonly [reason: Reason, key: string, rows: number]>
  /** Entries that are held, of whatever kind. */
  readonly size: number
}

export function createRejectedKeys(): RejectedKeys {
  const series = new Map<string, Series>()
  const others = new Map<Reason, number>()
  /** Misra and Gries: a key with more than one in `watchedMax` of all rows is in it, with less than it has and never more. */
  const watched = new Map<string, number>()
  /** No series has a lower rank. */
  let rankMin = 0

  function watch(key: string, rows: number): number {
    const known = watched.get(key)
    let left = rows
    while (known === undefined && watched.size >= watchedMax && left > 0) {
      const taken = Math.min(left, ...watched.values())
      for (const [other, count] of watched)
        if (count === taken) watched.delete(other)
        else watched.set(other, count - taken)
      left -= taken
    }
    if (left > 0) watched.set(key, (known ?? 0) + left)
    return (known ?? 0) + left
  }

  /** Room for a series of that rank; false where nobody gives way. */
  function makeRoom(rank: number): boolean {
    if (series.size < labelledKeysMax) return true
    if (rank <= 2 * rankMin) return false
    let least: [string, Series] | undefined
    for (const one of series) if (least === undefined || one[1].rank < least[1].rank) least = one
    if (least === undefined) return false
    rankMin = least[1].rank
    if (rank <= 2 * rankMin) return false
    series.delete(least[0])
    return true
  }

  function seriesOf(key: string, rows: number): Map<Reason, number> {
    if (key === otherKeys) return others
    const known = series.get(key)
    if (known !== undefined) {
      known.rank += rows
      return known.rows
    }
    const rank = watch(key, rows)
    if (!makeRoom(rank)) return others
    watched.delete(key)
    const made: Series = { rank, rows: new Map() }
    series.set(key, made)
    return made.rows
  }

  return {
    add: (reason, keyId, rows) => {
      const counted = seriesOf((keyId ?? noKey).slice(0, keyCharsMax), rows)
      counted.set(reason, (counted.get(reason) ?? 0) + rows)
    },
    *read() {
      for (const [key, { rows }] of series) for (const [reason, count] of rows) yield [reason, key, count]
      for (const [reason, count] of others) yield [reason, otherKeys, count]
    },
    get size() {
      return series.size + watched.size + others.size
    },
  }
}

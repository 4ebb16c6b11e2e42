// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { perReason, type Reason } from '../../trust/index.ts'

/** Rows by the reason why they wait. */
export type RowsByReason = Readonly<Record<Reason, number>>
export type Group = { readonly name: string | null; readonly items: number; readonly rows: RowsByReason }
/** The largest first; `others`: so many more names, and what waits under them. */
export type Groups = {
  readonly groups: readonly Group[]
  readonly others: Omit<Group, 'name'> & { readonly names: number }
}
/** What waits, as one looks at it. Times are of the quarantining. */
export type Picture = {
  readonly items: number
  readonly rows: RowsByReason
  readonly bucketSeconds: number
  /** Those in which something came, in their order. */
  readonly buckets: readonly { readonly at: string; readonly rows: RowsByReason }[]
  readonly producers: Groups
  /** Null: no key was named. */
  readonly keys: Groups
}

export type Tally = {
  add(item: Tallied): void
  picture(): Picture
}
export type Tallied = {
  readonly reason: Reason
  readonly producer: string
  readonly key: string | null
  readonly atMs: number
  readonly rows: number
}

/** Names that are counted one by one, and of these, names that are told. */
const namesMax = { counted: 10_000, told: 12 } as const
const bucketsMax = { counted: 2_000, told: 60 } as const
/** Each is whole times the one before. */
const widthsS = [60, 300, 900, 3_600, 10_800, 21_600, 86_400, 604_800, 2_419_200, 9_676_800, 38_707_200] as const

type Counts = { items: number; readonly rows: Record<Reason, number> }
const none = (): Counts => ({ items: 0, rows: perReason(() => 0) })

function put(counts: Counts, { reason, rows }: Tallied): void {
  counts.items += 1
  counts.rows[reason] += rows
}

/** Adds up what waits in room that does not grow with it: buckets of time widen, and names beyond a maximum share one. */
export function createTally(): Tally {
  const all = none()
  const producers = createNames()
  const keys = createNames()
  let width = 0
  let buckets = new Map<number, Counts>()

  function widen(): void {
    width += 1
    buckets = inBuckets(buckets, widthOf(width))
  }

  return {
    add: (item) => {
      put(all, item)
      producers.add(item.producer, item)
      keys.add(item.key, item)
      const at = Math.floor(item.atMs / 1000 / widthOf(width)) * widthOf(width)
      const bucket = buckets.get(at) ?? none()
      buckets.set(at, bucket)
      put(bucket, item)
      while (buckets.size > bucketsMax.counted && width < widthsS.length - 1) widen()
    },
    picture: () => {
      while (spanOf(buckets) >= bucketsMax.told * widthOf(width) && width < widthsS.length - 1) widen()
      return {
        ...all,
        bucketSeconds: widthOf(width),
        buckets: [...buckets]
          .sort(([one], [other]) => one - other)
          .map(([at, { rows }]) => ({ at: rfc3339(BigInt(at) * 1_000_000_000n), rows })),
        producers: producers.told(),
        keys: keys.told(),
      }
    },
  }
}

const widthOf = (at: number) => widthsS[at] ?? 60

/** Seconds from the first to the last. */
function spanOf(buckets: ReadonlyMap<number, unknown>): number {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const at of buckets.keys()) {
    first = Math.min(first, at)
    last = Math.max(last, at)
  }
  return last - first
}

function inBuckets(narrow: ReadonlyMap<number, Counts>, widthS: number): Map<number, Counts> {
  const wide = new Map<number, Counts>()
  for (const [at, counts] of narrow) {
    const into = Math.floor(at / widthS) * widthS
    wide.set(into, sum(wide.get(into) ?? none(), counts))
  }
  return wide
}

const sum = (one: Counts, other: Counts): Counts => ({
  items: one.items + other.items,
  rows: perReason((reason) => one.rows[reason] + other.rows[reason]),
})

const rowsOf = ({ rows }: Counts) => Object.values(rows).reduce((total, count) => total + count, 0)

function createNames() {
  const names = new Map<string | null, Counts>()
  /** Of names beyond those that are counted: how many these are nobody keeps. */
  let beyond: Counts | undefined
  return {
    add: (name: string | null, item: Tallied) => {
      const known = names.get(name)
      if (known !== undefined) return put(known, item)
      if (names.size < namesMax.counted) {
        const fresh = none()
        names.set(name, fresh)
        return put(fresh, item)
      }
      beyond ??= none()
      put(beyond, item)
    },
    told: (): Groups => {
      const sorted = [...names].sort(([, one], [, other]) => rowsOf(other) - rowsOf(one) || other.items - one.items)
      const told = sorted.slice(0, namesMax.told)
      const rest = sorted.slice(namesMax.told)
      return {
        groups: told.map(([name, counts]) => ({ name, ...counts })),
        others: {
          names: rest.length + (beyond?.items ?? 0),
          ...rest.reduce((total, [, counts]) => sum(total, counts), beyond ?? none()),
        },
      }
    },
  }
}

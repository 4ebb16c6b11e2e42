// SPDX-License-Identifier: Apache-2.0
// What a report of a key counts, of services and of hosts (docs/formats/key-report.md, 2 and 5).

/** In the order in which they are told: what can be relied on, and what cannot, and why. */
export const keyVerdicts = ['sound', 'suspect', 'unvouched', 'invalid'] as const
export type KeyVerdict = (typeof keyVerdicts)[number]

export type ExaminedKey = {
  readonly producer: string
  readonly key_id: string
  /** RFC 3339; null: not at all. */
  readonly revoked_at: string | null
  readonly compromised_since: string | null
}

/** What a ledger holds of a key. The same of the same leaves, whoever counts. */
export type FindingsOf<Count, Range> = {
  /** Leaves that were looked at, from the first on. */
  readonly size: number
  readonly counts: Readonly<Record<KeyVerdict, Count>>
  readonly ranges: readonly Range[]
  /** Hex SHA-256 over the links of all that is counted (2.4, 5.6). */
  readonly listing: string
}

/** Leaves [first_leaf, next_leaf). */
export type LeafRange = { readonly first_leaf: number; readonly next_leaf: number }

/** Of each verdict. */
export const keyRangesMax = 32

export type Ranges<R extends LeafRange> = { add(range: R): void; all(): readonly R[] }

/** Those that follow one another are one; where there are too many, so are the two with the fewest leaves between them. */
export function createRanges<R extends LeafRange>(both: (one: R, other: R) => R): Ranges<R> {
  const found: R[] = []
  const gapBefore = (i: number) => (found[i] as R).first_leaf - (found[i - 1] as R).next_leaf
  const join = (i: number) => found.splice(i - 1, 2, both(found[i - 1] as R, found[i] as R))

  return {
    all: () => found,
    add: (range) => {
      found.push(range)
      const last = found.length - 1
      if (last > 0 && gapBefore(last) === 0) join(last)
      if (found.length <= keyRangesMax) return
      let nearest = 1
      for (let i = 2; i < found.length; i += 1) if (gapBefore(i) < gapBefore(nearest)) nearest = i
      join(nearest)
    },
  }
}

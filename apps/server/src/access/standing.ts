// SPDX-License-Identifier: Apache-2.0

import type { Follows, Reader } from '../identity/index.ts'

/**
 * Memory follows the database and nothing else. What is given is read from there once its line is in the ledger, between
 * two transactions, so that it does not come back when it was taken meanwhile. What is taken is gone within its
 * transaction, and stays gone where that fails, until the same is given again or the server stops.
 */
export type Standing<K> = {
  give(key: K): Follows
  take(key: K): Follows
}

export function standing<K extends object, V>(rows: {
  readonly read: (db: Reader, key: K) => Promise<V | undefined>
  readonly put: (key: K, row: V) => void
  /** Whether it was there. */
  readonly drop: (key: K) => boolean
}): Standing<K> {
  // What the database still has and does not count: as many as there are rows at most.
  const withheld = new Map<string, number>()
  const nameOf = (key: K) => JSON.stringify(Object.values(key))
  let last = 0
  return {
    give: (key) => {
      const name = nameOf(key)
      let seen: number | undefined
      return {
        begun: () => {
          seen = withheld.get(name)
        },
        given: async (db) => {
          const row = await rows.read(db, key)
          // Taken after this was given: it stays so.
          if (withheld.get(name) !== seen) return
          withheld.delete(name)
          if (row === undefined) rows.drop(key)
          else rows.put(key, row)
        },
      }
    },
    take: (key) => {
      const name = nameOf(key)
      let stood = false
      return {
        taken: (isKept) => {
          stood = rows.drop(key) || isKept || stood
          if (isKept || !stood) return
          last += 1
          withheld.set(name, last)
        },
      }
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import { type Clock, rfc3339 } from '@sealwatch/base'
import { across, type Store } from '../store/index.ts'
import type { KeyRegistry } from './registry.ts'

/** Ends of keys that were set ahead, and have come. */
export type KeyEnds = {
  /** Writes down those that have come since. Returns how many. */
  look(): Promise<number>
  /** Looks every ten seconds until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

const everyMs = 10_000
/** At a start the clock may be wrong: it has so long to be set. */
const settlingNs = 60_000_000_000n

/**
 * Makes an end that has come one that stays, also when the clock is set back (line.md, 5.6). The clock says that it has come, and
 * so does the one that nobody sets: one that is ahead for a while ends no key for good.
 */
export function keepKeyEnds({
  store,
  keys,
  clock,
}: {
  readonly store: Store
  readonly keys: KeyRegistry
  readonly clock: Clock
}): KeyEnds {
  const startNs = clock.nowNs()
  const startSteadyNs = clock.monotonicNs()

  async function look(): Promise<number> {
    const elapsedNs = clock.monotonicNs() - startSteadyNs
    if (elapsedNs < settlingNs) return 0
    const steadyNs = startNs + elapsedNs
    const nowNs = clock.nowNs()
    const now = rfc3339(nowNs < steadyNs ? nowNs : steadyNs)
    const due = await across(store.db, 'signing-key')
      .selectFrom('signing_keys')
      .select(['tenant', 'key_id', 'valid_until'])
      .where('valid_until', '<=', now)
      .where('ended_at', 'is', null)
      .where('revoked_at', 'is', null)
      .execute()
    if (due.length === 0) return 0
    return await store.taking(async (tx) => {
      let ended = 0
      for (const { tenant, key_id: keyId, valid_until: endedAt } of due) {
        const { numUpdatedRows } = await tx
          .updateTable('signing_keys')
          .set({ ended_at: endedAt })
          .where('tenant', '=', tenant)
          .where('key_id', '=', keyId)
          .where('valid_until', '=', endedAt)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) continue
        keys.takeKey({ tenant, keyId }, { endedAt }).taken?.(true)
        ended += 1
      }
      return ended
    })
  }

  return {
    look,
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(everyMs, signal)
        if (!signal.aborted) await look()
      }
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import { deadline, parseRfc3339, rfc3339 } from '@sealwatch/base'
import { strictOffSeconds } from '@sealwatch/contract'
import type { RecordOptions } from '../../identity/index.ts'

/** STRICT_SIGNATURES=false, as far as an acknowledgement goes: for a day from when a server saw it first. */
export type Configured = {
  readonly endsAt: string
  hasPassed(): boolean
  /** Whatever a clock says later, this has come: `latest` is a time that a tenant has seen, in nanoseconds. */
  see(latest: bigint): Promise<void>
}

/**
 * What is said again at the next start is the same acknowledgement, and ends when it was to end; another one begins anew.
 * Durable when it returns.
 */
export async function openConfigured(
  { store, clock }: Pick<RecordOptions, 'store' | 'clock'>,
  acknowledgement: string,
): Promise<Configured> {
  const nowNs = clock.nowNs()
  const since = rfc3339(nowNs)
  const ends_at = rfc3339(nowNs + BigInt(strictOffSeconds.soloMax) * 1_000_000_000n)
  await store.transaction((tx) =>
    tx
      .insertInto('strict_acknowledgements')
      .values({ acknowledgement, since, ends_at, seen_at: since })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  )
  const row = await store.db
    .selectFrom('strict_acknowledgements')
    .selectAll()
    .where('acknowledgement', '=', acknowledgement)
    .executeTakeFirstOrThrow()
  return {
    endsAt: row.ends_at,
    hasPassed: deadline(clock, row.ends_at, [row.since, row.seen_at]),
    see: async (latest) => {
      if (latest <= (parseRfc3339(row.seen_at) ?? 0n)) return
      const seen_at = rfc3339(latest)
      await store.db
        .updateTable('strict_acknowledgements')
        .set({ seen_at })
        .where('acknowledgement', '=', acknowledgement)
        .where('seen_at', '<', seen_at)
        .execute()
    },
  }
}

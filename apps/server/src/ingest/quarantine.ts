// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, rfc3339 } from '@sealwatch/base'
import type { Sealing } from '@sealwatch/keys/sealing'
import { sha256 } from '@sealwatch/ledger'
import type { Store } from '../store/index.ts'
import type { Reason } from './verify.ts'

export type QuarantinedBatch = {
  readonly tenant: string
  readonly hostId: string
  readonly chain: string
  readonly firstSeq: number
  readonly nextSeq: number
  readonly lines: Uint8Array
  readonly reason: Reason
  readonly detail: string
  readonly keyId: string | undefined
}

/** Keeps what failed verification: the exact bytes, sealed, named by their hash, and a row that says why. */
export type Quarantine = {
  /** Durable when it resolves; returns the content address. The same bytes in the same place are kept once. */
  keep(batch: QuarantinedBatch): Promise<string>
  placed(item: string, chain: string, firstSeq: number, leafIndex: number): Promise<void>
}

export async function openQuarantine(options: {
  readonly dir: string
  readonly store: Store
  readonly sealing: Sealing
  readonly clock: Clock
  readonly disk: Disk
}): Promise<Quarantine> {
  const { dir, store, sealing, clock, disk } = options
  await disk.makeDirectory(dir)
  return {
    keep: async (batch) => {
      const { tenant, hostId, chain, firstSeq, nextSeq, reason, detail, keyId } = batch
      const item = sha256(batch.lines).toHex()
      // File first: a row always has its bytes. A file without a row is found again when the batch comes again.
      const place = { tenant, purpose: 'quarantine', place: `quarantine/${item}` } as const
      await disk.replace(join(dir, item), await sealing.seal(place, batch.lines))
      await store.db
        .insertInto('audit_signature_quarantine')
        .values({
          item,
          tenant,
          host_id: hostId,
          chain,
          first_seq: firstSeq,
          next_seq: nextSeq,
          reason,
          detail,
          signing_key_id: keyId ?? null,
          quarantined_at: rfc3339(clock.nowNs()),
          stub_leaf_index: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      return item
    },
    placed: async (item, chain, firstSeq, leafIndex) => {
      await store.db
        .updateTable('audit_signature_quarantine')
        .set({ stub_leaf_index: leafIndex })
        .where('item', '=', item)
        .where('chain', '=', chain)
        .where('first_seq', '=', firstSeq)
        .execute()
    },
  }
}

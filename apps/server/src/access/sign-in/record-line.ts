// SPDX-License-Identifier: Apache-2.0

import type { Body } from '@sealwatch/ledger'
import type { Recorded, RecordOptions } from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'

/**
 * A change and its line in the ledger of the cluster, as one; `changed` does not wait for the ledger. Throws what `change`
 * throws, and AUDIT_NOT_RECORDED.
 */
export async function recordLine(
  { store, outbox, clock }: RecordOptions,
  attempted: string,
  change: (tx: Tx, timeNs: bigint) => Promise<Body>,
  changed?: () => Promise<unknown>,
  takes = false,
): Promise<Recorded> {
  const timeNs = clock.nowNs()
  const tenant = 'cluster'
  const uid = await (takes ? store.taking : store.transaction)(async (tx) =>
    outbox.enqueue(tx, tenant, await change(tx, timeNs)),
  )
  await changed?.()
  outbox.ring()
  return { tenant, leafIndex: await outbox.recorded(uid, attempted) }
}

// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Outbox, Store, Tx } from '../store/index.ts'
import { type Act, actEvent } from './act.ts'
import type { ServerVoice } from './audit-event.ts'

export type RecordOptions = {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
}

/** What stands behind an act: where its line is, unless that is parked (packages/contract/src/audit-policy.ts). */
export type Recorded = { readonly tenant: string; readonly leafIndex: number | undefined }

/**
 * Carries out an act: its change and its line are one transaction. `change` may throw, and then nothing was done.
 * `took` is called once the line is in the ledger, however late; of what must count at once, the change's caller sees to
 * that itself. Throws AUDIT_NOT_RECORDED.
 */
export async function recordAct(
  { store, outbox, voice, clock }: RecordOptions,
  act: Omit<Act, 'timeNs'>,
  change: (tx: Tx, timeNs: bigint) => Promise<void>,
  took?: () => void,
): Promise<Recorded> {
  const timeNs = clock.nowNs()
  const uid = await store.transaction(async (tx) => {
    await change(tx, timeNs)
    return outbox.enqueue(tx, act.tenant, actEvent(voice, { ...act, timeNs }))
  })
  const committed = took && outbox.committed(uid).then(took)
  // A stop ends the waiting; the next start reads what was changed.
  committed?.catch(() => undefined)
  outbox.ring()
  const leafIndex = await outbox.recorded(uid, act.message)
  if (leafIndex !== undefined) await committed
  return { tenant: act.tenant, leafIndex }
}

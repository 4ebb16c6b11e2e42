// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { isNotKept, notDurable, type Outbox, type Store, type Tx } from '../store/index.ts'
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

/** How what is held in memory follows what an act changes in the database (docs/access.md, "When it counts"). */
export type Follows = {
  /** Within the transaction, before its change. All of these may be called twice. */
  readonly begun?: () => void
  /** The line is in the ledger, however late: what was given counts if it still stands, and nothing else writes meanwhile. */
  readonly given?: (db: Reader) => Promise<void>
  /**
   * What is taken counts no more: called within the transaction, after its change, and again where the database could
   * not keep it.
   */
  readonly taken?: (isKept: boolean) => void
}
export type Reader = Parameters<Parameters<Store['between']>[0]>[0]

/** Who keeps what signatures are judged by, of the keys of hosts. */
export type HostKeys = {
  /** The key's line is in the ledgers that the host's lines go to. */
  given(db: Reader, name: { readonly tenant: string; readonly keyId: string }): Promise<void>
  /** The host's keys count no more, as of `at`, or since somebody else may have had them. */
  hostRevoked(hostId: string, at: string, compromisedSince?: string | null): void
}

/**
 * Carries out an act: its change and its line are one transaction. `change` may throw, and then nothing was done. Throws
 * AUDIT_NOT_RECORDED; STORE_FULL or STORE_FAILED, and then nothing was given; NOT_DURABLE of what is taken nevertheless.
 */
export async function recordAct(
  { store, outbox, voice, clock }: RecordOptions,
  act: Omit<Act, 'timeNs'>,
  change: (tx: Tx, timeNs: bigint) => Promise<void>,
  follows: Follows = {},
): Promise<Recorded> {
  const timeNs = clock.nowNs()
  const { begun, given, taken } = follows
  const write = (taken === undefined ? store.transaction : store.taking)(async (tx) => {
    begun?.()
    await change(tx, timeNs)
    const uid = await outbox.enqueue(tx, act.tenant, actEvent(voice, { ...act, timeNs }))
    taken?.(true)
    return uid
  })
  const uid = await write.catch((error: unknown) => {
    if (taken === undefined || !isNotKept(error)) throw error
    taken(false)
    throw notDurable(act.message, error)
  })
  const committed = given && outbox.committed(uid).then(() => store.between(given))
  // A stop ends the waiting; the next start reads what was changed.
  committed?.catch(() => undefined)
  outbox.ring()
  const leafIndex = await outbox.recorded(uid, act.message)
  if (leafIndex !== undefined) await committed
  return { tenant: act.tenant, leafIndex }
}

// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { type Clock, canonicalize, createBell, type ErrorTable, errorsOf, systemClock } from '@sealwatch/base'
import { auditPolicyOf } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { across } from './guard.ts'
import type { Store, Tx } from './store.ts'

export const outboxErrors = {
  AUDIT_NOT_RECORDED: {
    kind: 'unavailable',
    rule: 'such an act counts once its line stands in the ledger (docs/runbooks/disk-full.md)',
    advice:
      'The line waits in the outbox and enters the ledger by itself; `sealwatch status` says what keeps it. Ask again then',
  },
} as const satisfies ErrorTable
const outboxError = errorsOf(outboxErrors)

/** Whoever asks waits so long for an act to be recorded. */
const recordMsMax = 15_000
const rowsAtOnce = 512

export type OutboxRow = { readonly uid: string; readonly tenant: string; readonly body: Body }

/**
 * What the server itself has to say in a ledger. A row is written in the same transaction as the change it records, and
 * the change counts once the line is in the ledger. The same body is entered once, however often it is enqueued.
 */
export type Outbox = {
  enqueue(tx: Tx, tenant: string, body: Body): Promise<string>
  /** Resolves with the leaf index when the line is in its ledger, indexed, and gone from here. */
  committed(uid: string): Promise<number>
  /** The same; undefined when the signal fires first. */
  committed(uid: string, signal: AbortSignal): Promise<number | undefined>
  /** The leaf of a line that is in its ledger, indexed, and gone from here; undefined as long as it is not. */
  placed(uid: string): Promise<number | undefined>
  /**
   * Resolves with the leaf index once an act is recorded. Where that takes too long, the policy of its class decides:
   * throws AUDIT_NOT_RECORDED, or resolves with undefined, for the act is parked and holds.
   */
  recorded(uid: string, attempted: string, msMax?: number): Promise<number | undefined>
  /** Since when lines wait that the ledgers do not take (Unix ms); undefined: they take them. */
  stuckSinceMs: number | undefined
  /** The oldest rows that wait, at most `max`. */
  waiting(max: number): Promise<OutboxRow[]>
  /** Takes away what stands in the index of a tenant, which has come to `position`; once more makes no difference. */
  settle(tenant: string, position: number, uids: readonly string[]): Promise<void>
  /** The same for whatever stands there already: a process may have ended between the two. */
  settleIndexed(tenant: string, position: number): Promise<void>
  /** Resolves when no line waits for the ledger of a tenant, or when the signal fires. */
  drained(tenant: string, signal: AbortSignal): Promise<void>
  /** Wakes whoever waits for new rows; call it after the transaction. */
  ring(): void
  wait(signal: AbortSignal): Promise<void>
}

/** Names a server-written line by what it says and where. */
export const outboxUid = (tenant: string, body: Body): string =>
  hash('sha256', `${tenant}\n${canonicalize(body)}`, 'hex')

export function createOutbox(store: Store, clock: Clock = systemClock): Outbox {
  const bell = createBell()
  const forever = new AbortController().signal
  const rowOf = (uid: string) =>
    across(store.db, 'outbox').selectFrom('outbox').select('body').where('uid', '=', uid).executeTakeFirst()
  /** Of a line that waits no more: as long as its row is there it may be written, in the index or not. */
  const leafOf = async (uid: string) =>
    (await rowOf(uid)) === undefined
      ? across(store.index, 'outbox')
          .selectFrom('own_entries')
          .select('leaf_index')
          .where('uid', '=', uid)
          .executeTakeFirst()
      : undefined
  const committed = (async (uid: string, signal: AbortSignal = forever) => {
    for (;;) {
      const woken = bell.wait(signal)
      if (signal.aborted) return undefined
      const found = await leafOf(uid)
      if (found !== undefined) return found.leaf_index
      await woken
    }
  }) as Outbox['committed']

  async function recorded(uid: string, attempted: string, msMax = recordMsMax): Promise<number | undefined> {
    const late = new AbortController()
    const done = new AbortController()
    const patience = clock.sleep(msMax, done.signal).then(() => late.abort())
    const leaf = await committed(uid, late.signal)
    done.abort()
    await patience
    if (leaf !== undefined) return leaf
    const row = await rowOf(uid)
    if (row === undefined) return committed(uid)
    if (auditPolicyOf(JSON.parse(row.body) as object) === 'park') return undefined
    throw outboxError('AUDIT_NOT_RECORDED', { attempted, received: `${msMax} ms without its line` })
  }

  async function settle(tenant: string, position: number, uids: readonly string[]): Promise<void> {
    if (uids.length === 0) return
    const row = { follower: 'index', tenant, position, side_position: 0 }
    // The row stays where the line went: checkStores knows by it that the ledger had come so far.
    await store.derived(async (tx) => {
      await tx.deleteFrom('outbox').where('tenant', '=', tenant).where('uid', 'in', uids).execute()
      await tx
        .insertInto('cursors')
        .values(row)
        .onConflict((conflict) => conflict.columns(['follower', 'tenant']).doUpdateSet({ position }))
        .execute()
    })
    bell.ring()
  }

  async function settleIndexed(tenant: string, position: number): Promise<void> {
    for (let after = 0; ; ) {
      const due = await store.db
        .selectFrom('outbox')
        .select(['id', 'uid'])
        .where('tenant', '=', tenant)
        .where('id', '>', after)
        .orderBy('id')
        .limit(rowsAtOnce)
        .execute()
      if (due.length === 0) return
      const uids = due.map(({ uid }) => uid)
      const indexed = await store.index
        .selectFrom('own_entries')
        .select('uid')
        .where('tenant', '=', tenant)
        .where('uid', 'in', uids)
        .execute()
      await settle(
        tenant,
        position,
        indexed.map(({ uid }) => uid),
      )
      after = due.at(-1)?.id ?? after
    }
  }

  return {
    stuckSinceMs: undefined,
    recorded,
    enqueue: async (tx, tenant, body) => {
      const uid = outboxUid(tenant, body)
      const row = { uid, tenant, body: canonicalize(body) }
      await tx
        .insertInto('outbox')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      return uid
    },
    committed,
    placed: async (uid) => (await leafOf(uid))?.leaf_index,
    waiting: async (max) => {
      const rows = await across(store.db, 'outbox').selectFrom('outbox').selectAll().orderBy('id').limit(max).execute()
      return rows.map(({ uid, tenant, body }) => ({ uid, tenant, body: JSON.parse(body) as Body }))
    },
    drained: async (tenant, signal) => {
      while (!signal.aborted) {
        const woken = bell.wait(signal)
        const waits = await store.db.selectFrom('outbox').select('id').where('tenant', '=', tenant).executeTakeFirst()
        if (waits === undefined) return
        await woken
      }
    },
    settle,
    settleIndexed,
    ring: () => bell.ring(),
    wait: (signal) => bell.wait(signal),
  }
}

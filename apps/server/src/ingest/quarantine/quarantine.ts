// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, rfc3339 } from '@sealwatch/base'
import type { Sealing } from '@sealwatch/keys/sealing'
import { sha256 } from '@sealwatch/ledger'
import { across, type Store } from '../../store/index.ts'
import { perReason, type Reason } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'
import { type Beside, type Item, itemForm, readItem } from './item-form.ts'
import type { QuarantineRow } from './judge-item.ts'

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
  /** The version of the key registry by which it was judged. */
  readonly registry: number
  readonly beside: Beside
}

/**
 * Keeps what failed verification: the exact bytes, sealed, in their tenant's folder, named by their hash, and a row that
 * says why.
 */
export type Quarantine = {
  /** Durable when it resolves; returns the content address. The same bytes in the same place are kept once. */
  keep(batch: QuarantinedBatch): Promise<string>
  /** Throws QUARANTINE_GONE, QUARANTINE_ALTERED, SEALED_UNREADABLE or KEYS_UNAVAILABLE. */
  read(tenant: string, item: string): Promise<Item>
  placed(batch: Pick<QuarantinedBatch, 'tenant' | 'chain' | 'firstSeq'>, item: string, leafIndex: number): Promise<void>
  /** Its lines stand in the ledger, behind the replay at `leafIndex`. */
  admitted(row: QuarantineRow, leafIndex: number): Promise<void>
  /** Rows that are kept and are in no ledger, by tenant. */
  readonly waiting: ReadonlyMap<string, Readonly<Record<Reason, number>>>
  /** Removes the bytes of a tenant that is erased. */
  forget(tenant: string): Promise<void>
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
  await sortByTenant(dir, store, disk)
  const folders = new Set<string>()
  const waiting = await waitingIn(store)

  async function folderOf(tenant: string): Promise<string> {
    const folder = join(dir, tenant)
    if (!folders.has(tenant)) await disk.makeDirectory(folder)
    folders.add(tenant)
    return folder
  }

  return {
    keep: async (batch) => {
      const { tenant, hostId, chain, firstSeq, nextSeq, reason, detail, keyId, registry, beside } = batch
      const item = sha256(batch.lines).toHex()
      // File first: a row always has its bytes. A file without a row is found again when the batch comes again.
      await disk.replace(
        join(await folderOf(tenant), item),
        await sealing.seal(placeOf(tenant, item), itemForm(beside, batch.lines)),
      )
      const { numInsertedOrUpdatedRows } = await store.db
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
          received_at: beside.receivedAt,
          peer: beside.peer.address,
          registry_version: registry,
          stub_leaf_index: null,
          state: 'waiting',
          admitted_at: null,
          admitted_leaf_index: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows === 1n) add(waiting, tenant, reason, nextSeq - firstSeq)
      return item
    },
    read: async (tenant, item) => {
      const sealed = await disk.read(join(dir, tenant, item))
      if (sealed === undefined)
        throw ingestError('QUARANTINE_GONE', { attempted: `reading the quarantined bytes ${item}` })
      return readItem(item, await sealing.open(placeOf(tenant, item), sealed))
    },
    placed: async ({ tenant, chain, firstSeq }, item, leafIndex) => {
      await store.db
        .updateTable('audit_signature_quarantine')
        .set({ stub_leaf_index: leafIndex })
        .where('tenant', '=', tenant)
        .where('item', '=', item)
        .where('chain', '=', chain)
        .where('first_seq', '=', firstSeq)
        .execute()
    },
    waiting,
    admitted: async ({ tenant, stub_leaf_index, reason, first_seq, next_seq }, leafIndex) => {
      const { numUpdatedRows } = await store.db
        .updateTable('audit_signature_quarantine')
        .set({ state: 'admitted', admitted_at: rfc3339(clock.nowNs()), admitted_leaf_index: leafIndex })
        .where('tenant', '=', tenant)
        .where('stub_leaf_index', '=', stub_leaf_index)
        .where('state', '=', 'waiting')
        .executeTakeFirst()
      if (numUpdatedRows === 1n) add(waiting, tenant, reason as Reason, first_seq - next_seq)
    },
    forget: async (tenant) => {
      folders.delete(tenant)
      waiting.delete(tenant)
      await disk.removeDirectory(join(dir, tenant))
    },
  }
}

type Waiting = Map<string, Record<Reason, number>>

function add(waiting: Waiting, tenant: string, reason: Reason, rows: number): void {
  const counts = waiting.get(tenant) ?? perReason(() => 0)
  counts[reason] += rows
  waiting.set(tenant, counts)
}

async function waitingIn(store: Store): Promise<Waiting> {
  const found = await across(store.db, 'start')
    .selectFrom('audit_signature_quarantine')
    .select(({ fn, eb }) => ['tenant', 'reason', fn.sum<number>(eb('next_seq', '-', eb.ref('first_seq'))).as('rows')])
    .where('state', '=', 'waiting')
    .groupBy(['tenant', 'reason'])
    .execute()
  const waiting: Waiting = new Map()
  for (const { tenant, reason, rows } of found) add(waiting, tenant, reason as Reason, rows)
  return waiting
}
const placeOf = (tenant: string, item: string) =>
  ({ tenant, purpose: 'quarantine', place: `quarantine/${item}` }) as const

/** Bytes from before there were folders of tenants lie side by side. What no row knows stays: its batch comes again. */
async function sortByTenant(dir: string, store: Store, disk: Disk): Promise<void> {
  for (const item of (await disk.list(dir)).filter((name) => itemName.test(name))) {
    const row = await across(store.db, 'start')
      .selectFrom('audit_signature_quarantine')
      .select('tenant')
      .where('item', '=', item)
      .executeTakeFirst()
    if (row === undefined) continue
    await disk.makeDirectory(join(dir, row.tenant))
    await disk.rename(join(dir, item), join(dir, row.tenant, item))
  }
}

const itemName = /^[0-9a-f]{64}$/

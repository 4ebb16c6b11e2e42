// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Clock, type Disk, isSealwatchError, rfc3339 } from '@sealwatch/base'
import type { Sealing } from '@sealwatch/keys/sealing'
import { type Replay, sha256 } from '@sealwatch/ledger'
import { across, type Store } from '../../store/index.ts'
import type { Reason } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'
import type { ForgedAlarms, ForgedBatch } from './forged-alarms.ts'
import { createGroups } from './groups.ts'
import { type Beside, type Item, itemForm, readItem } from './item-form.ts'
import type { QuarantineRow } from './judge-item.ts'
import { type KeptRow, placeName, rowOf, withoutStub } from './kept-row.ts'
import { createSegments, type Kept } from './segments.ts'
import { type Ended, openStock, type Stock, type StockMax, type StockRow } from './stock.ts'

export type QuarantinedBatch = {
  readonly tenant: string
  readonly hostId: string
  /** Undefined: they are a service's. */
  readonly hostname?: string | undefined
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
  /**
   * Sealed when it resolves, with its content address; `kept` resolves when bytes and row are on stable storage. What was kept
   * in the same place and has no stub gives way: nobody was told of it, and its stub will say what is said of it now. Throws
   * QUARANTINE_FULL; `kept` rejects where the disk does not take it.
   */
  keep(batch: QuarantinedBatch): Promise<{ readonly item: string; readonly kept: Promise<void> }>
  /** Throws QUARANTINE_GONE, QUARANTINE_ALTERED, SEALED_UNREADABLE or KEYS_UNAVAILABLE. */
  read(tenant: string, row: Pick<QuarantineRow, Lies>): Promise<Item>
  /**
   * Whether they open and are those of its name; where the keys are out of reach, whether they are as they were sealed.
   * `untimely`: the receipt that is sealed with them is not that of the row.
   */
  state(row: Pick<QuarantineRow, 'tenant' | 'received_at' | Lies>): Promise<'whole' | 'gone' | 'altered' | 'untimely'>
  placed(batch: Pick<QuarantinedBatch, 'tenant' | 'chain' | 'firstSeq'>, item: string, leafIndex: number): Promise<void>
  /** The row goes of what was kept as it says, and has no stub. */
  drop(row: QuarantineRow): Promise<void>
  /** It waits no more: its lines stand in the ledger, behind the replay at `leafIndex`, or as the same submission there. */
  end(row: QuarantineRow, how: Replay['how'] | 'duplicate', leafIndex: number): Promise<void>
  /** Rows that are kept, have their stub and are in no ledger otherwise, by tenant. */
  readonly waiting: Stock['rows']
  /** What waits of each tenant takes of the room that it may take; where there is none left, producers keep their rows. */
  readonly room: Stock['room']
  /** Rows that wait no more, since the start, by tenant. */
  readonly ended: Stock['ended']
  /** Resolves when rows know of all stubs that were told of before. */
  settled(tenant: string): Promise<void>
  /** Removes the bytes of a tenant that is erased. */
  forget(tenant: string): Promise<void>
  close(): Promise<void>
}

type Lies = 'item' | 'segment' | 'segment_at' | 'kept_bytes'

/** Rows of one statement: SQLite takes 32,766 values. */
const groupMax = 1_000

export async function openQuarantine(options: {
  readonly dir: string
  readonly store: Store
  readonly sealing: Sealing
  readonly clock: Clock
  readonly disk: Disk
  readonly roomMax?: StockMax
  readonly alarms?: ForgedAlarms
}): Promise<Quarantine> {
  const { dir, store, sealing, clock, disk, alarms } = options
  await disk.makeDirectory(dir)
  await sortByTenant(dir, store, disk)
  const stock = await openStock(store, options.roomMax)
  const segments = createSegments(dir, disk)
  const keeping = createGroups(groupMax, keepGroup)
  const placing = createGroups(groupMax, placeGroup)
  const ending = createGroups(groupMax, endGroup)

  /** Bytes first: a row always has them. What no row knows of comes again. */
  async function keepGroup(tenant: string, items: readonly Keeping[]): Promise<void> {
    const known = await knownOf(tenant, items)
    const isNew = ({ row }: Keeping) => (known.get(placeName(row))?.stub_leaf_index ?? null) === null
    const fresh = [...new Map(items.filter(isNew).map((one) => [placeName(one.row), one])).values()]
    if (fresh.length === 0) return
    const kept = await segments.append(tenant, fresh)
    const quarantined_at = rfc3339(clock.nowNs())
    const rows = fresh.map(({ row }, i) => {
      const { segment, at, bytes } = kept[i] as Kept
      return { ...row, quarantined_at, segment, segment_at: at, kept_bytes: bytes }
    })
    const due = alarms?.due(fresh.filter(({ row }) => known.get(placeName(row))?.reason !== row.reason))
    await store.transaction(async (tx) => {
      for (const { row } of fresh) if (known.has(placeName(row))) await withoutStub(tx, row).execute()
      await tx
        .insertInto('audit_signature_quarantine')
        .values(rows)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      await due?.enter(tx)
    })
    due?.entered()
  }

  async function knownOf(
    tenant: string,
    items: readonly Keeping[],
  ): Promise<Map<string, { reason: string; stub_leaf_index: number | null }>> {
    const found = await store.db
      .selectFrom('audit_signature_quarantine')
      .select(['item', 'chain', 'first_seq', 'reason', 'stub_leaf_index'])
      .where('tenant', '=', tenant)
      .where(
        'item',
        'in',
        items.map(({ item }) => item),
      )
      .execute()
    return new Map(found.map((row) => [placeName(row), row]))
  }

  /** The ledger says so, too: what a power cut takes back is found there again (Replays.settle). */
  async function placeGroup(tenant: string, items: readonly Placing[]): Promise<void> {
    const begun: StockRow[] = []
    await store.derived(async (tx) => {
      for (const { item, chain, firstSeq, leafIndex } of items)
        begun.push(
          ...(await tx
            .updateTable('audit_signature_quarantine')
            .set({ stub_leaf_index: leafIndex })
            .where('tenant', '=', tenant)
            .where('item', '=', item)
            .where('chain', '=', chain)
            .where('first_seq', '=', firstSeq)
            .where('stub_leaf_index', 'is', null)
            .returning(['tenant', 'reason', 'first_seq', 'next_seq', 'kept_bytes'])
            .execute()),
        )
    })
    for (const row of begun) stock.add(row)
  }

  async function endGroup(tenant: string, items: readonly Ending[]): Promise<void> {
    const admitted_at = rfc3339(clock.nowNs())
    const done: Ending[] = []
    await store.derived(async (tx) => {
      for (const item of items) {
        const { row, how, leafIndex } = item
        const admitted_how = how === 'duplicate' ? null : how
        const { numUpdatedRows } = await tx
          .updateTable('audit_signature_quarantine')
          .set({ state: endedAs(how), admitted_at, admitted_leaf_index: leafIndex, admitted_how })
          .where('tenant', '=', tenant)
          .where('stub_leaf_index', '=', row.stub_leaf_index)
          .where('state', '=', 'waiting')
          .executeTakeFirst()
        if (numUpdatedRows === 1n) done.push(item)
      }
    })
    for (const { row, how } of done) stock.take(row, endedAs(how))
  }

  async function sealedOf(
    tenant: string,
    { item, segment, segment_at, kept_bytes }: Pick<QuarantineRow, Lies>,
  ): Promise<Uint8Array | 'gone' | 'altered'> {
    if (segment === null || segment_at === null || kept_bytes === null)
      return (await disk.read(join(dir, tenant, item))) ?? 'gone'
    return segments.read(tenant, item, { segment, at: segment_at, bytes: kept_bytes })
  }

  return {
    keep: async (batch) => {
      const { tenant, lines, beside } = batch
      const item = sha256(lines).toHex()
      stock.check(tenant, `keeping rows of the tenant ${tenant}`)
      const sealed = await sealing.seal(sealPlaceOf(tenant, item), itemForm(beside, lines))
      const kept = keeping.add(tenant, { batch, item, sealed, row: rowOf(batch, item) })
      // Whoever waits for it hears of it; it may be that nobody gets so far.
      kept.catch(() => undefined)
      return { item, kept }
    },
    read: async (tenant, row) => {
      const { item } = row
      const attempted = `reading the quarantined bytes ${item}`
      const sealed = await sealedOf(tenant, row)
      if (sealed === 'gone') throw ingestError('QUARANTINE_GONE', { attempted })
      if (sealed === 'altered') throw ingestError('QUARANTINE_ALTERED', { attempted, received: 'another frame' })
      return readItem(item, await sealing.open(sealPlaceOf(tenant, item), sealed))
    },
    state: async (row) => {
      const sealed = await sealedOf(row.tenant, row)
      if (typeof sealed === 'string') return sealed
      try {
        const { beside } = readItem(row.item, await sealing.open(sealPlaceOf(row.tenant, row.item), sealed))
        if (beside !== undefined && row.received_at !== null && beside.receivedAt !== row.received_at) return 'untimely'
      } catch (error) {
        if (isSealwatchError(error) && error.kind === 'unverified') return 'altered'
        if (!isSealwatchError(error, 'KEYS_UNAVAILABLE') && !isSealwatchError(error, 'KEYS_ERASED')) throw error
      }
      return 'whole'
    },
    settled: placing.settled,
    drop: async (row) => {
      await store.derived((tx) =>
        withoutStub(tx, row).where('segment', 'is', row.segment).where('segment_at', 'is', row.segment_at).execute(),
      )
    },
    placed: ({ tenant, chain, firstSeq }, item, leafIndex) => placing.add(tenant, { item, chain, firstSeq, leafIndex }),
    waiting: stock.rows,
    room: stock.room,
    ended: stock.ended,
    end: (row, how, leafIndex) => ending.add(row.tenant, { row, how, leafIndex }),
    forget: async (tenant) => {
      for (const groups of [keeping, placing, ending]) groups.forget(tenant)
      stock.forget(tenant)
      await segments.close(tenant)
      await disk.removeDirectory(join(dir, tenant))
    },
    close: () => segments.close(),
  }
}

type Keeping = ForgedBatch & { readonly sealed: Uint8Array; readonly row: KeptRow }
type Placing = {
  readonly item: string
  readonly chain: string
  readonly firstSeq: number
  readonly leafIndex: number
}
type Ending = {
  readonly row: QuarantineRow
  readonly how: Replay['how'] | 'duplicate'
  readonly leafIndex: number
}
const endedAs = (how: Ending['how']): Ended => (how === 'duplicate' ? how : 'admitted')

/** Where an item is sealed for (quarantine.md, 1.2). */
export const sealPlaceOf = (tenant: string, item: string) =>
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

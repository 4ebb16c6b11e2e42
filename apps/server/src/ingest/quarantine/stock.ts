// SPDX-License-Identifier: Apache-2.0

import { across, type Store } from '../../store/index.ts'
import { perReason, type Reason } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'

/** Of a tenant: items that wait, and the bytes that these take. */
export type StockMax = { readonly items: number; readonly bytes: number }
const stockMax: StockMax = { items: 2_000_000, bytes: 50e9 }

export type StockRow = {
  readonly tenant: string
  readonly reason: string
  readonly first_seq: number
  readonly next_seq: number
  readonly kept_bytes: number | null
}
/** What became of what waited. */
export const endings = ['admitted', 'duplicate'] as const
export type Ended = (typeof endings)[number]
type Room = { items: number; bytes: number; readonly max: StockMax }

/** What waits in quarantine, in numbers: what is kept and has its stub. What is admitted waits no more, though its bytes stay. */
export type Stock = {
  /** Rows by tenant and reason. */
  readonly rows: ReadonlyMap<string, Readonly<Record<Reason, number>>>
  readonly room: ReadonlyMap<string, Readonly<Room>>
  /** Throws QUARANTINE_FULL. What is under way meanwhile still comes in. */
  check(tenant: string, attempted: string): void
  add(row: StockRow): void
  take(row: StockRow, state: Ended): void
  /** Rows that were taken, since the start, by tenant. */
  readonly ended: ReadonlyMap<string, Readonly<Record<Ended, number>>>
  forget(tenant: string): void
}

export async function openStock(store: Store, max = stockMax): Promise<Stock> {
  const rows = new Map<string, Record<Reason, number>>()
  const room = new Map<string, Room>()
  const ended = new Map<string, Record<Ended, number>>()

  function change(tenant: string, reason: string, by: { rows: number; items: number; bytes: number }): void {
    const counts = rows.get(tenant) ?? perReason(() => 0)
    counts[reason as Reason] += by.rows
    rows.set(tenant, counts)
    const taken = room.get(tenant) ?? { items: 0, bytes: 0, max }
    taken.items += by.items
    taken.bytes += by.bytes
    room.set(tenant, taken)
  }

  const found = await across(store.db, 'start')
    .selectFrom('audit_signature_quarantine')
    .select(({ fn, eb }) => [
      'tenant',
      'reason',
      fn.sum<number>(eb('next_seq', '-', eb.ref('first_seq'))).as('rows'),
      fn.countAll<number>().as('items'),
      fn.sum<number | null>('kept_bytes').as('bytes'),
    ])
    .where('state', '=', 'waiting')
    .where('stub_leaf_index', 'is not', null)
    .groupBy(['tenant', 'reason'])
    .execute()
  for (const { tenant, reason, bytes, ...counts } of found) change(tenant, reason, { ...counts, bytes: bytes ?? 0 })

  return {
    rows,
    room,
    check: (tenant, attempted) => {
      const taken = room.get(tenant)
      if (taken === undefined || !isFull(taken)) return
      const received = `${taken.items} items in ${taken.bytes} bytes wait already`
      throw ingestError('QUARANTINE_FULL', { attempted, received })
    },
    add: ({ tenant, reason, first_seq, next_seq, kept_bytes }) =>
      change(tenant, reason, { rows: next_seq - first_seq, items: 1, bytes: kept_bytes ?? 0 }),
    take: ({ tenant, reason, first_seq, next_seq, kept_bytes }, state) => {
      change(tenant, reason, { rows: first_seq - next_seq, items: -1, bytes: -(kept_bytes ?? 0) })
      const counts = ended.get(tenant) ?? { admitted: 0, duplicate: 0 }
      counts[state] += next_seq - first_seq
      ended.set(tenant, counts)
    },
    ended,
    forget: (tenant) => {
      rows.delete(tenant)
      room.delete(tenant)
      ended.delete(tenant)
    },
  }
}

export const isFull = ({ items, bytes, max }: Readonly<Room>): boolean => items >= max.items || bytes >= max.bytes

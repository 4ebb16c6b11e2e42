// SPDX-License-Identifier: Apache-2.0

import { type Feed, follow, type JsonObject, parseRfc3339 } from '@sealwatch/base'
import { type Body, type Leaf, type Ledger, type Line, parseLine, sha256 } from '@sealwatch/ledger'
import { type Outbox, outboxUid, type Store, type Tables } from '../store/index.ts'

const batchMax = 1024
/** SQLite binds at most 32,766 values in one statement. */
const rowsPerInsert = 500

/** A ledger as a feed of leaves: what every follower of a tenant reads. */
export const leafFeed = (ledger: Ledger): Feed<Leaf> => ({
  read: (from, max) => ledger.read(from, max),
  waitFor: (from, signal) => ledger.waitFor(from, signal),
})

/** Follows a ledger into the SQL index, until the signal fires. Rows and cursor move in one transaction. */
export async function indexEntries(options: {
  readonly ledger: Ledger
  readonly store: Store
  readonly outbox: Outbox
  readonly signal: AbortSignal
  readonly onIndexed: (position: number) => void
}): Promise<void> {
  const { ledger, store, outbox, signal, onIndexed } = options
  const { tenant } = ledger
  const saved = await store.db
    .selectFrom('cursors')
    .selectAll()
    .where('follower', '=', 'index')
    .where('tenant', '=', tenant)
    .executeTakeFirst()
  let sidePosition = saved?.side_position ?? 0
  const cursor = saved?.position ?? 0
  onIndexed(cursor)
  await follow({
    name: `index ${tenant}`,
    feed: leafFeed(ledger),
    cursor,
    batchMax,
    signal,
    handle: async (leaves, next) => {
      const rows = leaves.map((leaf) => entryOf(ledger, leaf))
      const side = await readSide(ledger, sidePosition, next)
      const placed = new Map(
        rows.flatMap(({ own_uid, leaf_index }) => (own_uid === null ? [] : [[own_uid, leaf_index] as const])),
      )
      await store.transaction(async (tx) => {
        for (const part of chunked(rows)) await tx.insertInto('entries').values(part).execute()
        for (const part of chunked(side.rows)) {
          await tx
            .insertInto('side_values')
            .values(part.map(({ index, sealed }) => ({ tenant, leaf_index: index, sealed })))
            .execute()
        }
        await outbox.settle(tx, placed)
        await tx
          .insertInto('cursors')
          .values({ follower: 'index', tenant, position: next, side_position: side.next })
          .onConflict((conflict) =>
            conflict.columns(['follower', 'tenant']).doUpdateSet({ position: next, side_position: side.next }),
          )
          .execute()
      })
      sidePosition = side.next
      onIndexed(next)
      if (placed.size > 0) outbox.ring()
    },
  })
}

async function readSide(ledger: Ledger, from: number, leaf: number) {
  const rows: { index: number; sealed: Uint8Array }[] = []
  for (let next = from; ; ) {
    const read = await ledger.readSide(next, leaf)
    if (read.next === next) return { rows, next }
    rows.push(...read.rows)
    next = read.next
  }
}

function* chunked<T>(rows: readonly T[]): Generator<T[]> {
  for (let from = 0; from < rows.length; from += rowsPerInsert) yield rows.slice(from, from + rowsPerInsert)
}

function entryOf({ tenant, chain }: Ledger, { index, line: bytes }: Leaf): Tables['entries'] {
  const { line } = parseLine(sha256, bytes, `indexing leaf ${index} of ${tenant}`)
  const event: JsonObject = 'event' in line ? line.event : {}
  const body = bodyOf(line)
  return {
    tenant,
    leaf_index: index,
    chain: line.chain,
    seq: line.seq,
    time_ms: Number((parseRfc3339(line.time) ?? 0n) / 1_000_000n),
    kind: Object.keys(body)[0] as string,
    class_uid: integerOr(event.class_uid),
    activity_id: integerOr(event.activity_id),
    severity_id: integerOr(event.severity_id),
    event_uid: uidOf(event),
    own_uid: line.chain === chain ? outboxUid(tenant, body) : null,
  }
}

function bodyOf(line: Line): Body {
  const { chain: _chain, epoch: _epoch, prev: _prev, seq: _seq, time: _time, v: _v, ...body } = line
  return body as Body
}

const integerOr = (value: unknown): number | null => (Number.isSafeInteger(value) ? (value as number) : null)

function uidOf({ metadata }: JsonObject): string | null {
  const uid = typeof metadata === 'object' && metadata !== null ? (metadata as JsonObject).uid : undefined
  return typeof uid === 'string' ? uid.slice(0, 128) : null
}

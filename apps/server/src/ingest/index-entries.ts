// SPDX-License-Identifier: Apache-2.0

import { type Feed, follow, type JsonObject, parseRfc3339 } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'
import { type Body, type Leaf, type Ledger, type Line, parseLine, sha256, skimEvent } from '@sealwatch/ledger'
import { insertRows, type Outbox, outboxUid, type Store, type Tables } from '../store/index.ts'

/** Leaves in one transaction at most. */
const batchMax = 2048

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
      const entries = leaves.map((leaf) => entryOf(ledger, leaf))
      const rows = entries.map(({ row }) => row)
      const batches = entries.flatMap(({ batch }) => batch ?? [])
      const side = await readSide(ledger, sidePosition, next)
      const placed = new Map(
        rows.flatMap(({ own_uid, leaf_index }) => (own_uid === null ? [] : [[own_uid, leaf_index] as const])),
      )
      // A ledger that is ahead of its index is read again.
      await store.derived(async (tx) => {
        await insertRows(tx, 'entries', rows)
        await insertRows(tx, 'batches', batches)
        await insertRows(
          tx,
          'side_values',
          side.rows.map(({ index, sealed }) => ({ tenant, leaf_index: index, sealed })),
        )
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

type Entry = { readonly row: Tables['entries']; readonly batch?: Tables['batches'] }

const findingClass = eventClasses.finding.uid
const wanted = ['class_uid', 'activity_id', 'severity_id'].map((name) => new TextEncoder().encode(name))

function entryOf(ledger: Ledger, leaf: Leaf): Entry {
  const skim = skimEvent(leaf.line, wanted)
  const [class_uid = null, activity_id = null, severity_id = null] = skim?.numbers ?? []
  if (skim === undefined || skim.chain === ledger.chain || class_uid === findingClass) return readEntry(ledger, leaf)
  const classes = { class_uid, activity_id, severity_id, event_uid: null, own_uid: null }
  return { row: { tenant: ledger.tenant, leaf_index: leaf.index, time_ms: skim.timeMs, kind: 'event', ...classes } }
}

function readEntry({ tenant, chain }: Ledger, { index, line: bytes }: Leaf): Entry {
  const { kind, line } = parseLine(sha256, bytes, `indexing leaf ${index} of ${tenant}`)
  const event: JsonObject = 'event' in line ? line.event : {}
  const row = {
    tenant,
    leaf_index: index,
    time_ms: Number((parseRfc3339(line.time) ?? 0n) / 1_000_000n),
    kind,
    class_uid: integerOr(event.class_uid),
    activity_id: integerOr(event.activity_id),
    severity_id: integerOr(event.severity_id),
    event_uid: event.class_uid === findingClass ? uidOf(event) : null,
    own_uid: line.chain === chain ? outboxUid(tenant, bodyOf(line)) : null,
  }
  const at = { tenant, leaf_index: index, kind }
  if ('head' in line) return { row, batch: { chain: line.chain, last_seq: line.seq, ...at } }
  if ('stub' in line) return { row, batch: { chain: line.stub.chain, last_seq: line.stub.next_seq - 1, ...at } }
  return { row }
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

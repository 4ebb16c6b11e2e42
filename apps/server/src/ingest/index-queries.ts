// SPDX-License-Identifier: Apache-2.0

import { type Kysely, sql } from 'kysely'
import { type IndexTables, spanLeaves } from '../store/index.ts'

/** Entries of a tenant, leaves `from` to `before`; undefined or empty: whatever it is. Times are Unix ms, half-open. */
export type LeafQuery = {
  readonly tenant: string
  readonly from: number
  readonly before: number
  readonly sinceMs: number | undefined
  readonly untilMs: number | undefined
  readonly classUids: readonly number[]
  /** Default: upwards. */
  readonly order?: 'asc' | 'desc'
}

/**
 * Leaves in their order. Walks over the stretches that can hold any and looks into those alone, so a page costs what it
 * finds, however long the ledger is (index-queries.test.ts).
 */
export function leavesBySpan(db: Kysely<IndexTables>, query: LeafQuery) {
  const { tenant, from, before, sinceMs, untilMs, classUids, order = 'asc' } = query
  return (
    db
      .selectFrom('spans')
      // CROSS keeps the two in this order (sqlite.org/optoverview.html, 8.2).
      .crossJoin('entries')
      .select('entries.leaf_index')
      .where('spans.tenant', '=', tenant)
      .where('spans.first_leaf', '>', from - spanLeaves)
      .where('spans.first_leaf', '<', before)
      .where('entries.tenant', '=', tenant)
      .whereRef('entries.leaf_index', '>=', 'spans.first_leaf')
      .where('entries.leaf_index', '<', sql<number>`spans.first_leaf + ${sql.lit(spanLeaves)}`)
      .where('entries.leaf_index', '>=', from)
      .where('entries.leaf_index', '<', before)
      .$if(sinceMs !== undefined, (rows) =>
        rows.where('spans.to_ms', '>=', sinceMs ?? 0).where('entries.time_ms', '>=', sinceMs ?? 0),
      )
      .$if(untilMs !== undefined, (rows) =>
        rows.where('spans.from_ms', '<', untilMs ?? 0).where('entries.time_ms', '<', untilMs ?? 0),
      )
      .$if(classUids.length > 0, (rows) =>
        rows.where('entries.class_uid', 'in', classUids).where(({ exists, selectFrom }) =>
          exists(
            selectFrom('span_classes')
              .select('span_classes.class_uid')
              .where('span_classes.tenant', '=', tenant)
              .whereRef('span_classes.first_leaf', '=', 'spans.first_leaf')
              .where('span_classes.class_uid', 'in', classUids)
              // Asked once for each span, not joined: SQLite would have to sort.
              .limit(1),
          ),
        ),
      )
      .orderBy('spans.first_leaf', order)
      .orderBy('entries.leaf_index', order)
  )
}

/** The same of lines that the server wrote, which are few. */
export function ownLeaves(db: Kysely<IndexTables>, query: LeafQuery) {
  const { tenant, from, before, sinceMs, untilMs, classUids, order = 'asc' } = query
  return db
    .selectFrom('own_entries')
    .crossJoin('entries')
    .select('entries.leaf_index')
    .where('own_entries.tenant', '=', tenant)
    .where('own_entries.leaf_index', '>=', from)
    .where('own_entries.leaf_index', '<', before)
    .where('entries.tenant', '=', tenant)
    .whereRef('entries.leaf_index', '=', 'own_entries.leaf_index')
    .$if(sinceMs !== undefined, (rows) => rows.where('entries.time_ms', '>=', sinceMs ?? 0))
    .$if(untilMs !== undefined, (rows) => rows.where('entries.time_ms', '<', untilMs ?? 0))
    .$if(classUids.length > 0, (rows) => rows.where('entries.class_uid', 'in', classUids))
    .orderBy('own_entries.leaf_index', order)
}

/** Leaves of kinds other than events, which are few. */
export function leavesOfKinds(
  db: Kysely<IndexTables>,
  {
    tenant,
    kinds,
    from,
    before,
    order = 'asc',
  }: Pick<LeafQuery, 'tenant' | 'from' | 'before' | 'order'> & { kinds: readonly string[] },
) {
  return (
    db
      .selectFrom('entries')
      .select('entries.leaf_index')
      .where('entries.tenant', '=', tenant)
      .where('entries.kind', 'in', kinds)
      // As the index over them says it.
      .where(sql<boolean>`entries.kind <> 'event'`)
      .where('entries.leaf_index', '>=', from)
      .where('entries.leaf_index', '<', before)
      .orderBy('entries.leaf_index', order)
  )
}

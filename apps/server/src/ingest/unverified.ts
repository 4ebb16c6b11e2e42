// SPDX-License-Identifier: Apache-2.0

import type { Kysely } from 'kysely'
import type { IndexTables } from '../store/index.ts'

/** Of one replay (stub.md, 5.1). */
const fillLinesMax = 4096
type Db = Kysely<IndexTables>

/** Lines and rows that were admitted while strict signatures were off, from a leaf on, as far as the index has come. */
export async function countUnverified(db: Db, tenant: string, fromLeaf: number): Promise<number> {
  const filled = await db
    .selectFrom('fills')
    .select(({ fn, eb }) => fn.sum<number | null>(eb('next_leaf', '-', eb.ref('leaf_index'))).as('leaves'))
    .select(({ fn }) => fn.countAll<number>().as('replays'))
    .where('tenant', '=', tenant)
    .where('leaf_index', '>=', fromLeaf)
    .where('how', '=', 'non_strict')
    .executeTakeFirstOrThrow()
  const marked = await db
    .selectFrom('marked_submissions as one')
    .select(({ fn }) => fn.sum<number | null>('one.rows').as('rows'))
    .where('one.tenant', '=', tenant)
    .where('one.leaf_index', '>=', fromLeaf)
    // What people let in out of quarantine stands behind its replay.
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('fills as fill')
            .select('fill.leaf_index')
            .where('fill.tenant', '=', tenant)
            .whereRef('fill.leaf_index', '<', 'one.leaf_index')
            .whereRef('fill.next_leaf', '>', 'one.leaf_index'),
        ),
      ),
    )
    .executeTakeFirstOrThrow()
  return (filled.leaves ?? 0) - filled.replays + (marked.rows ?? 0)
}

/** Why nobody vouches for lines of hosts, by their leaf, of leaves [from, before); those that are not in it are vouched for. */
export async function marksOfFills(
  db: Db,
  tenant: string,
  from: number,
  before: number,
): Promise<ReadonlyMap<number, string>> {
  const rows = await db
    .selectFrom('fills')
    .select(['leaf_index', 'next_leaf', 'reason'])
    .where('tenant', '=', tenant)
    // A fill is so long at most: the others need not be looked at.
    .where('leaf_index', '>=', from - fillLinesMax)
    .where('leaf_index', '<', before)
    .where('next_leaf', '>', from)
    .where('how', '<>', 'verified')
    .execute()
  const marks = new Map<number, string>()
  for (const { leaf_index, next_leaf, reason } of rows)
    for (let leaf = Math.max(from, leaf_index); leaf < Math.min(before, next_leaf); leaf += 1) marks.set(leaf, reason)
  return marks
}

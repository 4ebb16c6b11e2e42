// SPDX-License-Identifier: Apache-2.0

import type { RowDrillReport } from '@sealwatch/ledger'
import type { Store } from '../store/index.ts'
import { drillRunError } from './errors.ts'

/** Of one question to the index. */
const idsMax = 500
type Sent = RowDrillReport['sent'][number]

/**
 * Holds what a drill says it sent against the ledger, as its index tells: whoever only says that it passed has sent nothing.
 * `sinceMs`: when it began. Throws DRILL_UNPROVEN.
 */
export async function proveSent(
  { index }: Pick<Store, 'index'>,
  report: RowDrillReport,
  sinceMs: number,
  attempted: string,
): Promise<void> {
  const { sent, counts, tenant, producer, drill } = report
  const unproven = (received: string) => drillRunError('DRILL_UNPROVEN', { attempted, received })
  for (const outcome of ['admitted', 'quarantined'] as const)
    if (!sent.some((one) => isOf(one, outcome))) throw unproven(`no submission that was ${outcome}`)
  if (counts !== null && counts.received !== counts.admitted + counts.quarantined + counts.refused + counts.duplicate)
    throw unproven('counts of which rows are missing')
  for (let at = 0; at < sent.length; at += idsMax) {
    const some = sent.slice(at, at + idsMax)
    const found = await index
      .selectFrom('submissions as one')
      .innerJoin('entries', (on) =>
        on.onRef('entries.tenant', '=', 'one.tenant').onRef('entries.leaf_index', '=', 'one.leaf_index'),
      )
      .select(['one.id', 'one.kind', 'one.digest', 'one.item', 'one.reason'])
      .where('one.tenant', '=', tenant)
      .where('one.producer', '=', producer)
      .where(
        'one.id',
        'in',
        some.map(({ id }) => id),
      )
      .where('entries.time_ms', '>=', sinceMs)
      .execute()
    const odd = some.find((one) => {
      const has = (kind: (typeof found)[number]['kind'], item: string | null, reason: string | null) =>
        found.some(
          (row) =>
            row.id === one.id &&
            row.kind === kind &&
            row.digest === one.digest &&
            (item === null || row.item === item) &&
            (reason === null || row.reason === reason),
        )
      const isIn = has('submission', null, null)
      if (isOf(one, 'admitted')) return !isIn
      // What is quarantined is replayed by the one drill, and stays out in the other.
      return !has('submission_stub', one.item, one.detail) || isIn !== (drill === 'strict-signature')
    })
    if (odd !== undefined) throw unproven(`the submission ${odd.id}, ${odd.outcome}, which the ledger does not hold so`)
  }
}

/** A repeated one was admitted: the answer got lost. */
const isOf = ({ outcome }: Sent, wanted: 'admitted' | 'quarantined') =>
  outcome === wanted || (wanted === 'admitted' && outcome === 'duplicate')

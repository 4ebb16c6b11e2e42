// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openStore } from '../../store/index.ts'
import { createRequestFeedback, feedbackLimits } from './feedback.ts'

test('DET-1 all that was said of threats is counted, and the newest of it is read with its reasons', async () => {
  const store = openStore(':memory:')
  const rowOf = (leaf_index: number, day: string, tenant = 'acme') => ({
    ...{ tenant, leaf_index, day, told_at: '', told_by: 'operator:root', threat: '{"reasons":[]}' },
    word: leaf_index % 2 === 0 ? ('right' as const) : ('false_alarm' as const),
    score: 90,
  })
  const { newestMax } = feedbackLimits
  const rows = Array.from({ length: newestMax + 3 }, (_, leaf) => rowOf(leaf, leaf === 0 ? '2026-11-01' : '2026-11-02'))
  await store.transaction(async (tx) => {
    for (const row of [...rows, rowOf(9, '2026-11-02', 'zeta')])
      await tx.insertInto('request_feedback').values(row).execute()
  })
  const unused = undefined as never
  const feedback = createRequestFeedback({ store, outbox: unused, voice: unused, clock: unused, ledgers: unused })
  const { counts, newest } = await feedback.after('acme', '2026-11-01')
  assert.deepEqual(counts.map(({ word, times }) => [word, times]).sort(), [
    ['false_alarm', newestMax / 2 + 1],
    ['right', newestMax / 2 + 1],
  ])
  const leaves = newest.map(({ leaf_index }) => leaf_index)
  assert.deepEqual([leaves.length, leaves[0], leaves.at(-1)], [newestMax, newestMax + 2, 3])
  await store.close()
})

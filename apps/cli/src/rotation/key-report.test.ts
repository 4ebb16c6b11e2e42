// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyReport } from '@sealwatch/ledger'
import { reportText } from './key-report.ts'

const time = '2026-11-22T09:00:00.000000000Z'
const reportOf = (verdicts: readonly string[]) =>
  ({
    v: 1,
    key_id: 'billing-1',
    producer: 'billing',
    tenant: 'default',
    size: 64,
    root: '00',
    revoked_at: time,
    compromised_since: null,
    counts: Object.fromEntries(
      ['sound', 'suspect', 'unvouched', 'invalid'].map((verdict) => [verdict, { rows: 0, submissions: 0 }]),
    ),
    ranges: verdicts.map((verdict, i) => {
      const leaves = { first_leaf: i, next_leaf: i + 1, rows: 1 }
      return { verdict, ...leaves, first_received: time, last_received: time }
    }),
  }) as unknown as KeyReport

test('SIG-6 of the leaves of a key the worst are shown first, twelve ranges of them, and how many more there are', () => {
  const ranges = (...verdicts: string[]) => reportText(reportOf(verdicts)).split('\n\n')[1] ?? ''
  const order = ranges('sound', 'suspect', 'unvouched', 'invalid', 'suspect').split('\n').slice(1, -1)
  assert.deepEqual(
    order.map((row) => row.split(/ {2,}/).slice(0, 2)),
    [
      ['invalid', '3-3'],
      ['suspect', '1-1'],
      ['suspect', '4-4'],
      ['unvouched', '2-2'],
      ['sound', '0-0'],
    ],
  )
  const many = ranges(...Array.from({ length: 63 }, () => 'sound'), 'suspect')
    .trimEnd()
    .split('\n')
  assert.deepEqual([many.length, many.at(-1)], [14, '… and 52 more (--json has all)'])
  assert.match(many[1] ?? '', /^suspect +63-63 /)
})

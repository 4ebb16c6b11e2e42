// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTenantLabels, labelledMax } from './tenant-labels.ts'

test('ten thousand tenants make a hundred series and one more, whoever is asked for first', () => {
  const labels = createTenantLabels()
  const all = Array.from({ length: 10_000 }, (_, i) => [`t-${i}`, 2] as const)
  const first = labels.sum(all.slice(0, 3), (value) => value)
  assert.deepEqual(first, [
    [['t-0'], 2],
    [['t-1'], 2],
    [['t-2'], 2],
  ])
  const sums = labels.sum(all.toReversed(), (value) => value)
  assert.equal(sums.length, labelledMax + 1)
  assert.equal(sums.find(([[label]]) => label === '(others)')?.[1], 2 * (10_000 - labelledMax))
  assert.ok(
    sums.some(([[label]]) => label === 't-0'),
    'who had a name keeps it',
  )
})

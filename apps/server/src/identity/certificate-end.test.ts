// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEnding } from './certificate-end.ts'

const [hourMs, dayMs] = [3_600_000, 24 * 3_600_000]
const at = (ms: number) => new Date(ms).toISOString()

test('PKI-3 a certificate ends soon in the last quarter of its life, and at most 30 days before its end', () => {
  const of = (lifeMs: number, leftMs: number) =>
    isEnding({ beginsAt: at(dayMs), expiresAt: at(dayMs + lifeMs) }, dayMs + lifeMs - leftMs)
  assert.deepEqual(
    [of(dayMs, 6 * hourMs), of(dayMs, 6 * hourMs - 1), of(dayMs, -1)],
    [false, true, true],
    'one of a day, for the last six hours and from then on',
  )
  assert.deepEqual([of(730 * dayMs, 30 * dayMs), of(730 * dayMs, 30 * dayMs - 1)], [false, true])
  // The last host renews at 0.72 of the life.
  assert.equal(of(100 * hourMs, 28 * hourMs), false)
  const old = { beginsAt: null, expiresAt: at(dayMs) }
  assert.deepEqual([isEnding(old, dayMs - 6 * hourMs), isEnding(old, dayMs - 5 * hourMs)], [false, true])
})

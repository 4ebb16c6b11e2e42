// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dueIn, lossOf, shedOf, toldSince } from './host.ts'

test('losses are added up however many they are; a site that says nothing adds nothing', () => {
  const site = { name: 'exec', attached: true, reason: null, produced: null, sent: null, sealed: null, shed: null }
  const big = String(2n ** 60n)
  assert.equal(
    lossOf([
      { ...site, dropped: big },
      { ...site, dropped: null },
      { ...site, dropped: '2' },
    ]),
    2n ** 60n + 2n,
  )
  assert.equal(lossOf([]), 0n)
  assert.equal(
    shedOf([
      { ...site, dropped: null, shed: big },
      { ...site, dropped: null },
    ]),
    2n ** 60n,
  )
})

test('a certificate is due within its last hour', () => {
  assert.deepEqual([7_200_000, 3_599_999, 0, -1].map(dueIn), ['', 'due', 'over', 'over'])
})

test('gaps of a week are those of the last seven days, whenever the host came; fewer are told since when', () => {
  const now = Date.UTC(2026, 10, 22)
  assert.equal(toldSince(now - 7 * 86_400_000, now), 'in the last 7 days')
  assert.equal(toldSince(now - 3_600_000, now), 'since 2026-11-21 23:00:00 UTC')
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBeat } from './beat.ts'

test('AGT-9: sleeps of half a second and more end on a beat, an eighth of a second early or late; shorter ones are exact', () => {
  for (const nowMs of [0, 1, 124, 125, 249, 1_000_007]) {
    for (const ms of [500, 700, 1_000, 30_000]) {
      const told = toBeat(ms, nowMs)
      assert.equal((nowMs + told) % 250, 0)
      assert.ok(Math.abs(told - ms) <= 125)
    }
    for (const ms of [0, 1, 20, 499]) assert.equal(toBeat(ms, nowMs), ms)
  }
  const late = (ms: number, nowMs: number) => nowMs + toBeat(ms, nowMs)
  assert.equal(late(1_000, late(1_000, 3_000) + 9), 5_000, 'who wakes late and works on does not drift')
})

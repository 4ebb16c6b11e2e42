// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from './clock.ts'

const hourMs = 3_600_000

test('nanoseconds follow the wall clock, also when it is set while we run', (t) => {
  const wall = Date.now
  const near = (ms: number) => Math.abs(Number(systemClock.nowNs() / 1_000_000n) - ms) < 1000
  assert.ok(near(wall()))
  t.mock.method(Date, 'now', () => wall() + hourMs)
  assert.ok(near(wall() + hourMs), 'set forward')
  t.mock.method(Date, 'now', () => wall() - hourMs)
  assert.ok(near(wall() - hourMs), 'set back')
})

test('monotonic time does not go back', () => {
  const before = systemClock.monotonicNs()
  assert.ok(systemClock.monotonicNs() >= before)
})

test('a sleep ends at the signal and never rejects', async () => {
  const controller = new AbortController()
  const asleep = systemClock.sleep(hourMs, controller.signal)
  controller.abort()
  await asleep
  await systemClock.sleep(hourMs, AbortSignal.abort())
  await systemClock.sleep(0)
})

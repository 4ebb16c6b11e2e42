// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createForwardTime } from './forward-time.ts'

test('RIM-6 an allowance ends though the clock is set back, before the guard starts or after; set forward it ends early', () => {
  let [wallMs, bootNs] = [1_000_000, 0n]
  const time = createForwardTime(
    () => wallMs,
    () => bootNs,
  )
  assert.equal(time.nowMs(), 1_000_000)
  bootNs += 5_000_000_000n
  wallMs = 10
  assert.equal(time.nowMs(), 1_005_000, 'set back, five seconds later')
  wallMs = 2_000_000
  assert.equal(time.nowMs(), 2_000_000, 'set forward')
  wallMs = 10
  assert.equal(time.nowMs(), 1_005_000, 'that was a mistake')
  time.atLeast(1_500_000)
  assert.equal(time.nowMs(), 1_500_000, 'it was set back before the guard started, and the server signed then')
  time.atLeast(20)
  bootNs += 1_000_000_000n
  assert.equal(time.nowMs(), 1_501_000)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { createBootOffset } from './boot-offset.ts'
import { readBootNs } from './proc-snapshot.ts'

const ms = 1_000_000n

function machine() {
  let [bootNs, offsetNs] = [1_000_123n * ms, 5_000_000_000n * ms]
  const offset = createBootOffset(
    { ...systemClock, nowNs: () => bootNs + offsetNs },
    () => bootNs - (bootNs % (10n * ms)),
  )
  return {
    offset,
    pass: (time: bigint) => {
      bootNs += time
      return bootNs
    },
    set: (by: bigint) => {
      offsetNs += by
    },
    errorMs: () => (offset.ns - offsetNs) / ms,
  }
}

test('a message that is read late does not move the times of events', () => {
  const { offset, pass, errorMs } = machine()
  assert.equal(errorMs(), 3n)
  offset.hear(pass(0n))
  assert.equal(errorMs(), 0n)
  const sent = pass(5n * ms)
  pass(700n * ms)
  offset.hear(sent)
  assert.equal(errorMs(), 0n)
})

test('a clock that is set is followed with the next message, in both directions', () => {
  const { offset, pass, set, errorMs } = machine()
  for (const by of [-400n * 86_400_000n * ms, 365n * 86_400_000n * ms, 2_000n * ms, -30n * ms]) {
    set(by)
    offset.hear(pass(7n * ms))
    assert.equal(errorMs(), 0n)
  }
})

test('on this machine', () => {
  const offset = createBootOffset(systemClock, readBootNs)
  const error = systemClock.nowNs() - readBootNs() - offset.ns
  assert.ok(error > -15n * ms && error < 1_000n * ms, String(error))
})

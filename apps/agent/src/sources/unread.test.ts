// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SensorMessage } from './observation.ts'
import { createUnreadEstimate } from './unread.ts'

const ms = 1_000_000n
const chunk = (count: number, timeNs: bigint) =>
  Array.from({ length: count }, (_, i) => ({ timeNs: timeNs - BigInt(count - 1 - i) })) as unknown as SensorMessage[]

test('as many frames wait as were made since the newest that was read, at the pace of those before', () => {
  const unread = createUnreadEstimate()
  // Read 5 ms after they were made, a hundred each 10 ms: none is late.
  for (let at = 10n; at <= 50n; at += 10n) assert.equal(unread(chunk(100, at * ms), 1_005n * ms + at * ms), 0)
  assert.equal(unread(chunk(100, 60n * ms), 1_165n * ms), 1_000, '100 ms late, 10 frames a millisecond')
  assert.equal(unread(chunk(2, 160n * ms), 1_265n * ms), 2, 'late as before, but hardly anything happens')
  assert.equal(unread([], 2_000n * ms), 0)
})

test('a machine that slept, and frames of several processors that overtake each other, are no backlog', () => {
  const unread = createUnreadEstimate()
  unread(chunk(10, 100n * ms), 105n * ms)
  const hourNs = 3_600_000n * ms
  assert.equal(unread(chunk(10, hourNs), 110n * ms), 0, 'CLOCK_BOOTTIME goes on in sleep, the monotonic clock does not')
  assert.equal(unread(chunk(10, hourNs - 1n), 200n * ms), 0)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMeasuredLast, measuredNamesMax } from './measured-last.ts'

test('RIM-4 of the steps that were ordered the last of each name is known, of so many names and no more', () => {
  const last = createMeasuredLast()
  last.answered('evict', 'nobody', 1n)
  assert.equal(last.of('evict', 'nobody'), undefined)
  for (let i = 0; i < measuredNamesMax; i += 1) last.ordered('evict', `service ${i}`, BigInt(i))
  last.answered('evict', 'service 0', 7n)
  assert.deepEqual(last.of('evict', 'service 0'), { orderedNs: 0n, answeredNs: 7n })
  last.ordered('evict', 'service 0', 9n)
  last.ordered('rotate', 'service 0', 9n)
  assert.deepEqual(last.of('evict', 'service 0'), { orderedNs: 9n, answeredNs: 7n })
  assert.equal(last.of('evict', 'service 1'), undefined)
})

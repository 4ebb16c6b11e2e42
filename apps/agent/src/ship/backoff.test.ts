// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBackoff } from './backoff.ts'

test('waits between a floor and a range that doubles up to ten seconds, and starts over after progress', () => {
  const [least, most] = [createBackoff(() => 0), createBackoff(() => 1)]
  const longest = Array.from({ length: 9 }, () => most.nextMs())
  assert.deepEqual(longest, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000])
  assert.deepEqual(
    Array.from({ length: 9 }, () => least.nextMs()),
    Array(9).fill(100),
  )
  most.reset()
  assert.equal(most.nextMs(), 200)
})

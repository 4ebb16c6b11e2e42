// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAttention } from './attention.ts'

test('POL-1: of many requests after one thing that a person did, one tells of it, and soon or not at all', () => {
  let nowMs = 5
  const attention = createAttention(() => nowMs)
  assert.deepEqual([attention.told(), attention.told()], [true, false], 'who opens the page is there')
  attention.noticed()
  nowMs += 30_000
  attention.noticed()
  nowMs += 59_999
  assert.deepEqual([attention.told(), attention.told()], [true, false])
  attention.noticed()
  nowMs += 60_000
  assert.equal(attention.told(), false)
  attention.noticed()
  assert.equal(attention.told(), true)
})

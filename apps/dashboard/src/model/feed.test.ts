// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterClose, frameOf, waitBefore } from './feed.ts'

test('a frame says what came and where to go on; what is none is passed over', () => {
  assert.deepEqual(frameOf('{"type":"alert","cursor":7,"line":{}}'), { type: 'alert', cursor: 7 })
  for (const text of [
    '',
    'null',
    '[]',
    '{"type":"else","cursor":1}',
    '{"type":"head"}',
    '{"type":"head","cursor":"1"}',
  ])
    assert.equal(frameOf(text), undefined, text)
})

test('whoever comes again waits longer each time, within bounds', () => {
  const waits = Array.from({ length: 40 }, (_, attempt) => waitBefore(attempt, 0))
  assert.equal(waits[0], 250)
  assert.ok(waits.every((wait, i) => wait >= (waits[i - 1] ?? 0) && wait <= 15_000))
  assert.ok(waitBefore(99, 0.999) < 30_000)
})

test('a feed that ended is opened again, unless nobody may listen any more', () => {
  assert.deepEqual([1001, 1006, 4401, 4403, 4408].map(afterClose), ['again', 'again', 'session', 'over', 'again'])
})

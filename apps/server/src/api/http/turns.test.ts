// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from './turns.ts'

test('each has its turns, gives each back once, and takes none from others', () => {
  const turns = createTurns()
  const [first, second] = [turns.enter('a', 2), turns.enter('a', 2)]
  assert.equal(turns.enter('a', 2), undefined)
  assert.notEqual(turns.enter('b', 2), undefined)
  first?.()
  first?.()
  assert.notEqual(turns.enter('a', 2), undefined)
  assert.equal(turns.enter('a', 2), undefined)
  second?.()
  assert.notEqual(turns.enter('a', 2), undefined)
})

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

test('what is under way is known however many come and go', () => {
  const turns = createTurns()
  const leave = turns.enter('a', 1)
  for (let i = 0; i < 5_000; i += 1) turns.enter(`other ${i}`, 1)?.()
  assert.equal(turns.enter('a', 1), undefined)
  leave?.()
  assert.notEqual(turns.enter('a', 1), undefined)
})

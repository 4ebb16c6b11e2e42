// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemembered } from './remembered.ts'

test('DET-1 what was found out about a text is remembered while it comes again, however many others come', () => {
  const remembered = createRemembered<number>(4)
  remembered.put('often', 1)
  remembered.put('once', 2)
  for (let i = 0; i < 40; i += 1) {
    remembered.put(`other ${i}`, i)
    assert.equal(remembered.get('often'), 1)
  }
  assert.equal(remembered.get('once'), undefined)
  assert.equal(remembered.get('other 39'), 39)
})

test('DET-1 long texts are not remembered', () => {
  const remembered = createRemembered<number>(4)
  remembered.put('x'.repeat(513), 1)
  assert.equal(remembered.get('x'.repeat(513)), undefined)
  remembered.put('x'.repeat(512), 1)
  assert.equal(remembered.get('x'.repeat(512)), 1)
})

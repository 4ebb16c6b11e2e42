// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

test('the nearest candidate, if it is near', () => {
  const names = ['status', 'alerts', 'audit verify', 'up']
  assert.equal(nearest('stauts', names), 'status')
  assert.equal(nearest('alert', names), 'alerts')
  assert.equal(nearest('audit verfiy', names), 'audit verify')
  assert.equal(nearest('uo', names), 'up')
  assert.equal(nearest('Status', names), 'status')
  assert.equal(nearest('frobnicate', names), undefined)
  assert.equal(nearest('', names), undefined)
  assert.equal(nearest('x', []), undefined)
})

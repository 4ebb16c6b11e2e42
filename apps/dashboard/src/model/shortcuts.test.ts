// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { places } from './places.ts'
import { commandOf, keys } from './shortcuts.ts'

const leads = new Map([['h', '/hosts']])

test('a key alone acts; after g it leads somewhere, or nowhere and is forgotten', () => {
  assert.deepEqual(commandOf('', '?', leads), { pending: '', command: { act: 'help' } })
  assert.deepEqual(commandOf('', 'g', leads), { pending: 'g', command: undefined })
  assert.deepEqual(commandOf('g', 'h', leads), { pending: '', command: { go: '/hosts' } })
  assert.deepEqual(commandOf('g', '?', leads), { pending: '', command: undefined })
  assert.deepEqual(commandOf('', 'h', leads), { pending: '', command: undefined })
})

test('no two things have one key', () => {
  for (const all of [keys.map(({ key }) => key), places.map(({ key }) => key)])
    assert.equal(new Set(all).size, all.length, all.join(' '))
  assert.ok(!keys.some(({ key }) => key === 'g'))
})

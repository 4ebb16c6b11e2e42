// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyTypes, validatePolicy } from '@sealwatch/contract/policy'
import { beginnings, placeOf, pretty, textOf } from './policy-text.ts'

test('what each type begins with is accepted, without a warning, and does nothing yet', () => {
  for (const type of policyTypes) {
    const { validation, policy } = validatePolicy(pretty(beginnings[type]))
    assert.deepEqual(validation.problems, [], type)
    assert.equal(policy?.enabled, false)
    assert.equal(policy?.type, type)
  }
})

test('what the server added does not come back to it', () => {
  assert.deepEqual(
    JSON.parse(textOf({ ...beginnings.file, id: 'x', version: 3, etag: 'e', signature: {} })),
    beginnings.file,
  )
})

test('what people look for first stands first', () => {
  const text = textOf({ rules: [{ paths: [], id: 'a', may: [] }], name: 'n', enabled: true, type: 'file' })
  assert.deepEqual(
    [...text.matchAll(/"(\w+)":/g)].map(([, name]) => name),
    ['type', 'name', 'enabled', 'rules', 'id', 'paths', 'may'],
  )
})

test('a problem is found where it stands', () => {
  assert.equal('ab\ncde\nf'[placeOf('ab\ncde\nf', 2, 3)], 'e')
  assert.equal(placeOf('ab', 1, 1), 0)
})

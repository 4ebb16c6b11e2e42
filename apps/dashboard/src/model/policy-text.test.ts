// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { policyExamples } from '@sealwatch/contract/policy'
import { placeOf, textOf } from './policy-text.ts'

test('what the server added does not come back to it', () => {
  assert.deepEqual(
    JSON.parse(textOf({ ...policyExamples.file, id: 'x', version: 3, etag: 'e', signature: {} })),
    policyExamples.file,
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

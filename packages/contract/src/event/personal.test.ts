// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPersonal, personalPointers } from './personal.ts'

test('user names are found wherever a user stands, and nothing else is', () => {
  const event = {
    actor: { user: { uid: '0', name: 'root' }, process: { name: 'cat', user: { uid: '0', name: 'root' } } },
    evidences: [{ file: { name: 'shadow', owner: { uid: '0', name: 'root' } } }],
    unmapped: { user: { name: 'not ours to hide' } },
  }
  assert.deepEqual(personalPointers(event), [
    '/event/actor/user/name',
    '/event/actor/process/user/name',
    '/event/evidences/0/file/owner/name',
  ])
})

test('names are escaped as RFC 6901 says', () => {
  assert.deepEqual(personalPointers({ 'a/b~c': { user: { name: 'x' } } }), ['/event/a~1b~0c/user/name'])
})

test('an attribute path tells its own class', () => {
  assert.equal(isPersonal(['actor', 'user', 'name']), true)
  assert.equal(isPersonal(['actor', 'process', 'name']), false)
  assert.equal(isPersonal(['name']), false)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameMeant, nameRule, roleName, slugName } from './name-form.ts'

test('a name of another form is told in words, with what was probably meant', () => {
  assert.equal(
    nameRule(slugName, 'Bad Name'),
    'lower-case letters, digits and hyphens, 1 to 64, beginning and ending with a letter or digit, such as bad-name',
  )
  assert.equal(nameRule(slugName, '…'), slugName.words)
  assert.equal(nameMeant(slugName, '-Söhne & Co.-'), 'sohne-co')
  assert.equal(nameMeant(roleName, 'On Call'), 'on-call')
  assert.equal(nameMeant(roleName, '24/7'), undefined, 'a role begins with a letter')
  assert.equal(nameMeant(slugName, `${'a'.repeat(63)} b`), 'a'.repeat(63))
  for (const { form, max } of [slugName, roleName])
    assert.deepEqual([form.test('a'.repeat(max)), form.test('a'.repeat(max + 1))], [true, false])
})

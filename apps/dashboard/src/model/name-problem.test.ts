// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { roleName, slugName } from '@sealwatch/contract/name-form'
import { nameProblem } from './name-problem.ts'

test('a name that cannot stand says what keeps it from that, and which could', () => {
  const told: readonly (readonly [string, string | undefined])[] = [
    ['', undefined],
    ['delta-inc', undefined],
    ['7', undefined],
    ['Delta Inc', 'The capital D cannot stand in it: delta-inc would do.'],
    ['delta inc', 'A space cannot stand in it: delta-inc would do.'],
    ['söhne_2', 'The character ö cannot stand in it: sohne-2 would do.'],
    ['delta-', `It is ${slugName.words}: delta would do.`],
    [`${'a'.repeat(63)}-b`, `It has at most 64 characters: ${'a'.repeat(63)} would do.`],
    ['Жук', 'The capital Ж cannot stand in it.'],
    ['--', `It is ${slugName.words}.`],
  ]
  for (const [text, problem] of told) assert.equal(nameProblem(slugName, text), problem, text)
  assert.equal(nameProblem(roleName, 'on_call'), undefined)
  assert.equal(nameProblem(roleName, 'On call'), 'The capital O cannot stand in it: on-call would do.')
  assert.equal(nameProblem(roleName, '24-7'), `It is ${roleName.words}.`)
})

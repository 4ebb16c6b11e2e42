// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slugProblem } from './slug.ts'

test('a name that cannot stand says what keeps it from that, and which could', () => {
  const told: readonly (readonly [string, string | undefined])[] = [
    ['', undefined],
    ['delta-inc', undefined],
    ['7', undefined],
    ['Delta Inc', 'The capital D cannot stand in it: delta-inc would do.'],
    ['delta inc', 'A space cannot stand in it: delta-inc would do.'],
    ['söhne_2', 'The character ö cannot stand in it: sohne-2 would do.'],
    ['delta-', 'It begins and ends with a letter or a digit: delta would do.'],
    ['abcdefghi-jkl', 'It has at most 10 characters: abcdefghi would do.'],
    ['Жук', 'The capital Ж cannot stand in it.'],
    ['--', 'It begins and ends with a letter or a digit.'],
  ]
  for (const [text, problem] of told) assert.equal(slugProblem(text, 10), problem, text)
})

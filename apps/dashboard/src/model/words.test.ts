// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  absolute,
  byNoun,
  clockOf,
  dayOf,
  lengthOf,
  relative,
  roleTitle,
  several,
  shortCount,
  shortHash,
  wholeLength,
} from './words.ts'

test('times are said against now, in their largest unit, and alike for everybody', () => {
  const now = Date.parse('2026-11-21T12:00:00Z')
  assert.deepEqual(
    [0, 999, 1_000, -61_000, 3_600_000, -90_000_000].map((past) => relative(now - past, now)),
    ['now', 'now', '1 s ago', 'in 1 min', '1 h ago', 'in 1 d'],
  )
  assert.equal(lengthOf(0), '0 s')
  const line = '2026-11-21T12:00:05.123456789Z'
  assert.deepEqual([clockOf(line), dayOf(line)], ['12:00:05', '21 Nov'])
  const lengths = [400, 75_000, 3_600_000, 90_061_000].map(wholeLength)
  assert.deepEqual(lengths, ['less than 1 s', '1 min 15 s', '1 h', '1 d 1 h'])
  assert.equal(absolute(now), '2026-11-21 12:00:00 UTC')
})

test('counts, roles, actions and hashes are said as people read them', () => {
  assert.equal(several(1, 'host'), '1 host')
  assert.equal(several(12_345, 'entry', 'entries'), '12,345 entries')
  assert.deepEqual([7, 1_234, 1_000_000].map(shortCount), ['7', '1.2K', '1M'])
  assert.equal(roleTitle('tenant_admin'), 'Tenant admin')
  assert.equal(roleTitle('custom/on-call'), 'on-call')
  assert.deepEqual(byNoun(['role:list', 'token:list', 'role:write']), [
    { noun: 'role', actions: ['role:list', 'role:write'] },
    { noun: 'token', actions: ['token:list'] },
  ])
  assert.equal(shortHash('a'.repeat(64)), `${'a'.repeat(8)}…aaaa`)
  assert.equal(shortHash('abc'), 'abc')
})

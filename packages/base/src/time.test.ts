// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRfc3339, rfc3339, rfc3339From, toSeconds } from './time.ts'

test('times are written with nine digits and read back', () => {
  assert.equal(rfc3339(0n), '1970-01-01T00:00:00.000000000Z')
  assert.equal(rfc3339(1_795_262_400_123_456_789n), '2026-11-21T12:00:00.123456789Z')
  const lastNs = 253_402_300_799_999_999_999n
  fc.assert(fc.property(fc.bigInt(0n, lastNs), (ns) => parseRfc3339(rfc3339(ns)) === ns))
})

test('a time as people give it is brought to that form, with any offset and digits', () => {
  assert.equal(rfc3339From('2026-11-21T12:00:00Z'), '2026-11-21T12:00:00.000000000Z')
  assert.equal(rfc3339From('2026-11-21T14:00:00.5+02:00'), '2026-11-21T12:00:00.500000000Z')
  for (const wrong of [
    'yesterday',
    '2026-02-29T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '2026-11-21',
    '2026-11-21T12:00:00',
  ])
    assert.equal(rfc3339From(wrong), undefined, wrong)
})

test('only the one form of a time that exists is read', () => {
  const wrong = [
    '2026-02-29T00:00:00.000000000Z',
    '1969-12-31T23:59:59.500000000Z',
    '0000-01-01T00:00:00.000000000Z',
    '2026-00-01T00:00:00.000000000Z',
    '2026-13-01T00:00:00.000000000Z',
    '2026-01-01T24:00:00.000000000Z',
    '2026-01-01T00:00:60.000000000Z',
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.00000000Z',
    '2026-01-01T00:00:00.0000000000Z',
    '2026-01-01T00:00:00.000000000+00:00',
    '2026-01-01t00:00:00.000000000Z',
    '2026-01-01T00:00:00.000000000Z\n',
    '',
  ]
  for (const text of wrong) assert.equal(parseRfc3339(text), undefined, text)
})

test('people are told times to the second, wherever they stand in a text', () => {
  const told = toSeconds(
    'good from 2026-11-21T12:00:00.123456789Z until 2026-11-21T12:00:05Z, as T12:00:00.5Z says not',
  )
  assert.equal(told, 'good from 2026-11-21 12:00:00 UTC until 2026-11-21 12:00:05 UTC, as T12:00:00.5Z says not')
})

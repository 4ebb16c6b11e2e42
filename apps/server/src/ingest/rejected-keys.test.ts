// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRejectedKeys, labelledKeysMax } from './rejected-keys.ts'

const sumOf = (rows: Iterable<readonly [unknown, unknown, number]>) => [...rows].reduce((sum, [, , n]) => sum + n, 0)

test('ING-7 each key has its own count for each reason, and what names none has one too', () => {
  const keys = createRejectedKeys()
  keys.add('unknown_key', 'a', 3)
  keys.add('unknown_key', 'a', 2)
  keys.add('key_expired', 'a', 1)
  keys.add('invalid_signature', undefined, 4)
  assert.deepEqual(
    [...keys.read()],
    [
      ['unknown_key', 'a', 5],
      ['key_expired', 'a', 1],
      ['invalid_signature', 'none', 4],
    ],
  )
})

test('ING-7 a hundred thousand made-up keys cost no more memory and no more series than a few hundred', () => {
  const keys = createRejectedKeys()
  let sizeMax = 0
  for (let i = 0; i < 100_000; i++) {
    keys.add('unknown_key', `made-up-${i}`, 1)
    sizeMax = Math.max(sizeMax, keys.size)
  }
  assert.ok(sizeMax <= 501, `${sizeMax} entries`)
  const shown = [...keys.read()]
  assert.equal(shown.length, labelledKeysMax + 1)
  assert.equal(sumOf(shown), 100_000, 'where nobody gave way, all of them are there')
})

test('ING-7 a key that is rejected often is found behind ten thousand that came before it, and once only', () => {
  const keys = createRejectedKeys()
  for (let i = 0; i < 10_000; i++) keys.add('unknown_key', `made-up-${i}`, 5)
  for (let i = 0; i < 10_000; i++) {
    keys.add('unknown_key', `more-${i}`, 5)
    keys.add('key_expired', 'billing-2026-11', 5)
  }
  const shown = [...keys.read()]
  const [, , own] = shown.find(([, key]) => key === 'billing-2026-11') ?? []
  assert.ok(own !== undefined && own > 49_000, `${own} of 50000`)
  assert.equal(shown.filter(([, key]) => key === 'billing-2026-11').length, 1)
  assert.ok(shown.length <= labelledKeysMax + 2)
})

test('ING-7 whoever makes up keys cannot make series come and go', () => {
  const keys = createRejectedKeys()
  const seen = new Set<string>()
  for (let i = 0; i < 50_000; i++) {
    keys.add('unknown_key', `made-up-${i % 3_000}`, 1 + (i % 7))
    if (i % 100 === 0) for (const [, key] of keys.read()) seen.add(key)
  }
  assert.ok(seen.size <= labelledKeysMax * 18, `${seen.size} series`)
})

test('a key whose name is that of the rest, or ends behind the longest label, is no series twice', () => {
  const keys = createRejectedKeys()
  for (let i = 0; i < 1_000; i++) keys.add('unknown_key', `made-up-${i}`, 1)
  keys.add('unknown_key', 'other', 1_000)
  const long = 'k'.repeat(128)
  for (const end of ['', 'x', 'y']) keys.add('unknown_key', `${long}${end}`, 1_000)
  const named = [...keys.read()].map(([reason, key]) => `${reason} ${key}`)
  assert.equal(new Set(named).size, named.length)
  assert.ok(named.includes(`unknown_key ${long}`))
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readJson } from './read-json.ts'

const valuesMax = 1_000_000

test('sound JSON is read as it is, whatever stands in its texts', () => {
  const value = fc.jsonValue({ maxDepth: 5 }).filter((any) => !JSON.stringify(any).includes('__proto__'))
  fc.assert(
    fc.property(value, fc.integer({ min: 0, max: 2 }), (any, indent) => {
      assert.deepEqual(readJson(JSON.stringify(any, undefined, indent), valuesMax), JSON.parse(JSON.stringify(any)))
    }),
    { seed: 1, numRuns: 1_000 },
  )
  assert.deepEqual(readJson('{"a:\\"":"x\\\\\\":","b":[":"]}', valuesMax), { 'a:"': 'x\\":', b: [':'] })
})

test('what readers may take differently is refused', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  for (const text of [
    '{"a":1,"a":2}',
    '{"x":{"a":1,"\\u0061":1}}',
    '[{"b":{},"b":{}}]',
    '{"__proto__":{}}',
    '{"cause":"\\ud800"}',
    '[["\\udc00\\ud83d"]]',
    '{"\\ud800":1}',
    deep,
    '',
    '{',
    '"',
    '"\\',
    '{"a":1}x',
  ])
    assert.throws(() => readJson(text, valuesMax), { code: 'REQUEST_INVALID' }, text.slice(0, 40))
})

test('values are counted before anything is parsed, members and elements alike', () => {
  for (const text of ['{"a":1,"b":[2,3]}', '[[],{},"[,{"]', '1']) {
    const count = text === '1' ? 1 : text.startsWith('{') ? 5 : 6
    assert.deepEqual(readJson(text, count), JSON.parse(text))
    assert.throws(() => readJson(text, count - 1), { code: 'REQUEST_TOO_LARGE' }, text)
  }
  assert.throws(() => readJson('[,,,,', 3), { code: 'REQUEST_TOO_LARGE' })
})

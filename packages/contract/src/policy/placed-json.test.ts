// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePlaced, placesAt } from './placed-json.ts'
import { pointerTo } from './problem.ts'

const depthMax = 64

test('what JSON.parse reads is read the same, and every value is found where it stands', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 0, max: 3 }), (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), undefined, indent)
      const { value, faults, values } = parsePlaced(text, depthMax)
      assert.deepEqual(faults, [])
      assert.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)))
      for (const [pointer, inner] of within(value, ''))
        assert.ok(
          text.slice(values.get(pointer)).startsWith(JSON.stringify(inner).slice(0, 1)),
          `${pointer} at ${values.get(pointer)}`,
        )
    }),
    { seed: 1, numRuns: 500 },
  )
})

function* within(value: unknown, pointer: string): Generator<[string, unknown]> {
  yield [pointer, value]
  if (typeof value === 'object' && value !== null)
    for (const [name, inner] of Object.entries(value)) yield* within(inner, pointerTo(pointer, name))
}

test('what JSON.parse refuses is refused, however the text was spoilt', () => {
  const text = '{"a":[1,-2.5e3,true,null],"b":{"c":"x\\u00e9\\n","d":[]},"e":"\\ud83d\\ude00"}'
  const spoilt = fc.tuple(
    fc.nat(text.length),
    fc.nat(3),
    fc.string({ maxLength: 3, unit: fc.constantFrom(...'{}[]",:0.-e\\u \n') }),
  )
  fc.assert(
    fc.property(spoilt, ([at, cut, put]) => {
      const input = text.slice(0, at) + put + text.slice(at + cut)
      const read = parsePlaced(input, depthMax)
      let due: unknown
      try {
        due = JSON.parse(input)
      } catch {
        assert.equal(read.value, undefined, input)
        assert.equal(read.faults.at(-1)?.code, 'syntax', input)
        return
      }
      // Lone surrogates and members twice are refused here alone.
      if (read.faults.length === 0) assert.deepEqual(read.value, due, input)
      else assert.match(String(read.faults[0]?.rule), /well-formed|once|finite/, input)
    }),
    { seed: 1, numRuns: 5_000 },
  )
})

test('what JSON leaves open is refused', () => {
  const codes = (text: string) =>
    parsePlaced(text, 3).faults.map(({ code, pointer, offset }) => [code, pointer, offset])
  assert.deepEqual(codes('{"a":1,"a":2,"b":{"c":1,"c":1}}'), [
    ['duplicate_member', '/a', 7],
    ['duplicate_member', '/b/c', 24],
  ])
  assert.deepEqual(codes('[[[0]]]'), [])
  assert.deepEqual(codes('[[[[0]]]]'), [['too_deep', '', 3]])
  assert.deepEqual(codes('"\\ud800"'), [['syntax', '', 0]])
  assert.deepEqual(codes('1e999'), [['syntax', '', 0]])
  assert.deepEqual(codes('\ufeff{}'), [['syntax', '', 0]])
  const { value } = parsePlaced('{"__proto__":{"x":1}}', 3)
  assert.ok(Object.hasOwn(value as object, '__proto__') && Object.getPrototypeOf(value) === Object.prototype)
})

test('a hundred thousand brackets are no deeper than the limit', () => {
  assert.equal(parsePlaced('['.repeat(100_000), 12).faults[0]?.code, 'too_deep')
  assert.equal(parsePlaced('{"a":'.repeat(100_000), 12).faults[0]?.code, 'too_deep')
})

test('lines and columns count from one, columns by characters', () => {
  assert.deepEqual(placesAt('ab\nc', [3, 0]).get(0), { line: 1, column: 1 })
  assert.deepEqual(placesAt('ab\nc', [3, 0]).get(3), { line: 2, column: 1 })
  assert.deepEqual(placesAt('\n"😀"x', [5]).get(5), { line: 2, column: 4 })
})

test('a word that JSON does not have is told as it stands, with the one that was meant', () => {
  const told = (text: string) =>
    parsePlaced(text, depthMax).faults.map(({ received, suggestion }) => [received, suggestion])
  assert.deepEqual(told('{"enabled": flase,\n  "rules": []}'), [['"flase"', 'Did you mean false?']])
  assert.deepEqual(told('[True]'), [['"True"', 'Did you mean true?']])
  assert.deepEqual(told('[web]'), [['"web"', 'Put texts in double quotes']])
  assert.equal(told(`[${'x'.repeat(100_000)}]`)[0]?.[0]?.length, 42)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyOne, anyRun, compilePattern, type Pattern, parsePattern, widen } from './wildcard.ts'

test('escapes follow the specification', () => {
  const rows: [string, Pattern][] = [
    ['plain', ['plain']],
    ['', []],
    ['a*b?c', ['a', anyRun, 'b', anyOne, 'c']],
    ['a**b', ['a', anyRun, 'b']],
    ['C:\\Windows', ['C:\\Windows']],
    ['C:\\\\Windows', ['C:\\Windows']],
    ['a\\*b', ['a*b']],
    ['a\\?b', ['a?b']],
    ['a\\\\*', ['a\\', anyRun]],
    ['a\\\\\\*', ['a\\*']],
    ['\\\\\\\\', ['\\\\']],
    ['tail\\', ['tail\\']],
  ]
  for (const [text, pattern] of rows) assert.deepEqual(parsePattern(text), pattern, text)
})

test('widening puts each star once', () => {
  const both = { before: true, after: true }
  assert.deepEqual(widen(['a'], both), [anyRun, 'a', anyRun])
  assert.deepEqual(widen([anyRun, 'a', anyRun], both), [anyRun, 'a', anyRun])
  assert.deepEqual(widen([], both), [anyRun])
  assert.deepEqual(widen([], { before: false, after: true }), [anyRun])
  assert.deepEqual(widen(['a'], { before: true, after: false }), [anyRun, 'a'])
})

/** By the definition: does any split of the text fit the parts? */
function fits(pattern: Pattern, text: string): boolean {
  const [part, ...rest] = pattern
  if (part === undefined) return text === ''
  if (part === anyOne) return text !== '' && fits(rest, text.slice(1))
  if (part === anyRun)
    return Array.from({ length: text.length + 1 }, (_, at) => at).some((at) => fits(rest, text.slice(at)))
  return text.startsWith(part) && fits(rest, text.slice(part.length))
}

test('a compiled pattern matches what the definition says', () => {
  const part = fc.oneof(fc.constantFrom('a', 'b', 'ab', 'ba'), fc.constant(anyRun), fc.constant(anyOne))
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 7 }), fc.array(text, { minLength: 4, maxLength: 4 }), (pattern, texts) => {
      for (const input of texts) assert.equal(compilePattern(pattern)(input), fits(pattern, input), input)
    }),
    { numRuns: 2_000 },
  )
})

test('a pattern made to be slow is not', () => {
  const pattern = parsePattern(`${'a*'.repeat(500)}b`)
  assert.equal(compilePattern(pattern)('a'.repeat(9_000)), false)
})

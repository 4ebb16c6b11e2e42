// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { testIo } from '../test/test-io.ts'
import { bar, columns, duration, paint, safe, safeJson } from './terminal.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
const dangerous = /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\u00ad]|\p{Surrogate}/u

describe('terminal', () => {
  test('names what it hides', () => {
    assert.equal(safe('a\x1b[2Jb\n\tc\x9b31m\u202etxt.exe\ud800'), 'a\\x1b[2Jb\\n\\tc\\x9b31m\\u{202e}txt.exe\\u{d800}')
    assert.equal(safe('/usr/bin/größe-日本 👍'), '/usr/bin/größe-日本 👍')
  })

  test('cuts what is long, and says so', () => {
    assert.equal(safe('x'.repeat(500), 10), `${'x'.repeat(9)}…`)
  })

  test('lets nothing dangerous through, whatever it gets', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !dangerous.test(safe(text))))
  })

  test('JSON stays the same value, and shows nothing dangerous', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
        const json = safeJson({ value, text })
        assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ value, text })))
        return !dangerous.test(json)
      }),
    )
    assert.equal(safeJson({ a: '\u009b\n' }, 2), '{\n  "a": "\\u009b\\n"\n}')
  })

  test('a bar is full when all is done that was counted, and when more was', () => {
    const full = (text: string) => [...text].filter((char) => char === '=').length
    assert.deepEqual(
      [bar(0, 0), bar(0, 4), bar(2, 4), bar(4, 4), bar(5, 4), bar(1, 0)].map(full),
      [30, 0, 15, 30, 30, 30],
    )
  })

  test('columns are as wide as their widest cell, colour aside', () => {
    const io = testIo({ color: true })
    assert.equal(
      stripVTControlCharacters(
        columns([
          ['a', 'b'],
          [paint(io, 'red', 'long'), 'c'],
        ]),
      ),
      'a     b\nlong  c\n',
    )
  })

  test('rows may be of different length', () => {
    assert.equal(
      columns([['a', 'long', 'b'], ['longer'], ['c', 'd', 'e']]),
      'a       long  b\nlonger\nc       d     e\n',
    )
  })

  test('colour only where it is wanted', () => {
    assert.equal(paint(testIo(), 'red', 'x'), 'x')
    assert.notEqual(paint(testIo({ color: true }), 'red', 'x'), 'x')
  })

  test('durations', () => {
    const said: [number, string][] = [
      [40, '0.0 s'],
      [1500, '1.5 s'],
      [59_999, '59 s'],
      [61_000, '1 min 1 s'],
      [3_660_000, '1 h 1 min'],
      [90_000_000, '1 d 1 h'],
    ]
    for (const [ms, text] of said) assert.equal(duration(ms), text)
  })
})

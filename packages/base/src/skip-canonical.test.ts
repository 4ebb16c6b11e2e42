// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import canonicalizeByLibrary from 'canonicalize'
import fc from 'fast-check'
import { canonicalize, jsonDepthMax, parseCanonical, skipCanonical } from './json.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The end of the value that begins behind some bytes that are none of its own. */
function endOf(bytes: Uint8Array, depthAbove = 0): number {
  const inside = new Uint8Array(bytes.length + 5).fill(0x31)
  inside.set(bytes, 3)
  inside.fill(0x0a, bytes.length + 3)
  const end = skipCanonical(inside, 3, depthAbove)
  return end < 0 ? -1 : end - 3
}
const isSkipped = (text: string | Uint8Array) =>
  endOf(Buffer.from(text as string)) === Buffer.from(text as string).length

/** Canonical as its definition says: the text of the value that it parses to. */
function isCanonical(bytes: Uint8Array): boolean {
  try {
    const text = utf8.decode(bytes)
    return canonicalizeByLibrary(JSON.parse(text)) === text
  } catch {
    return false
  }
}

const vectors = new URL('../../../vectors/jcs-rfc8785/output/', import.meta.url)
for (const file of readdirSync(vectors)) {
  test(`the published JCS vector ${file} is told from its neighbours`, () => {
    const bytes = readFileSync(new URL(file, vectors)).subarray()
    const text = bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes
    const isPlain = !/[^\x20-\x7e][^"]*":|\\[^"]*":/.test(text.toString())
    assert.equal(isSkipped(text), isPlain || isSkipped(text))
    for (let at = 0; at < text.length; at += 1) {
      for (const byte of [0x20, 0x22, 0x2c, 0x30, 0x5c, 0x7b, 0x7d, 0xc3, 0xed]) {
        const other = Buffer.from(text)
        other[at] = byte
        if (isSkipped(other)) assert.ok(isCanonical(other), other.toString())
      }
    }
  })
}

const plainKey = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-. /~'), maxLength: 6 })
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false, 0, -0, 1e21, 1e-7, 2 ** 53, 2 ** 53 + 2, -1, 123_456_789_012_345, 1e15, 1e16),
    fc.integer(),
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'ab"\\\b\f\n\r\t\u0000\u001f\u007f\u2028é\u{10ffff}') }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(plainKey, tie('value'), { maxKeys: 6 }),
  ),
}))

test('RFC 8785: every canonical text with plain keys is read to its end', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 3 }), (value) => {
      const text = Buffer.from(canonicalize(value))
      assert.equal(endOf(text), text.length)
    }),
    { numRuns: 2_000 },
  )
})

test('RFC 8785: nothing else is, however near it comes', () => {
  const pieces = [
    ...'"\\{}[],:0159-.eE+ntf ',
    '\n',
    '\u0000',
    '\u00e9',
    '\\u001f',
    '\\u0009',
    '\\u00e9',
    '\\n',
    '-0',
    '00',
    '1.0',
  ]
  const edit = fc.tuple(fc.nat(), fc.nat(4), fc.constantFrom(...pieces))
  fc.assert(
    fc.property(
      fc.array(anyValue, { maxLength: 2 }),
      fc.array(edit, { minLength: 1, maxLength: 3 }),
      (value, edits) => {
        let text = canonicalize(value)
        for (const [place, cut, piece] of edits) {
          const at = place % (text.length + 1)
          text = text.slice(0, at) + piece + text.slice(at + cut)
        }
        const bytes = Buffer.from(text)
        if (isSkipped(bytes)) assert.ok(isCanonical(bytes), text)
      },
    ),
    { numRuns: 5_000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (inner) => {
      const bytes = Buffer.concat([Buffer.from('["'), inner, Buffer.from('"]')])
      if (isSkipped(bytes)) assert.ok(isCanonical(bytes), bytes.toString('hex'))
    }),
    { numRuns: 5_000 },
  )
})

test('well-formed UTF-8 alone: no character too long, beyond the last, half of a pair, or cut short', () => {
  const inText = (hex: string) => Buffer.from(`22${hex}22`, 'hex')
  for (const hex of ['c280', 'dfbf', 'e0a080', 'ed9fbf', 'ee8080', 'efbfbf', 'f0908080', 'f48fbfbf', '7f'])
    assert.ok(isSkipped(inText(hex)), hex)
  const wrong = ['80', 'bf', 'c080', 'c1bf', 'c2', 'c2c0', 'e08080', 'e09fbf', 'eda080', 'edbfbf', 'e0a0', 'f0808080']
  for (const hex of [...wrong, 'f08fbfbf', 'f4908080', 'f5808080', 'ff', 'f09080', 'e28028', '00', '1f', '0a'])
    assert.ok(!isSkipped(inText(hex)), hex)
})

test('members stand in order and once; keys that need more than bytes to be ordered are left to others', () => {
  for (const text of ['{}', '{"":0}', '{"":0,"a":0,"aa":0,"b":0}', '{"10":1,"9":2}', '{"a":{"z":1},"b":{"a":1}}'])
    assert.ok(isSkipped(text), text)
  for (const text of [
    '{"a":0,"a":0}',
    '{"aa":0,"a":0}',
    '{"b":0,"a":0}',
    '{"é":0}',
    '{"a\\n":0}',
    '{"a":0,}',
    '{,}',
    '{"a"}',
  ])
    assert.ok(!isSkipped(text), text)
})

test('nesting is bounded as parseCanonical bounds it, less what is around the value', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const nested = (depth: number) => `${open.repeat(depth)}${open === '[' ? '' : '1'}${close.repeat(depth)}`
    assert.ok(isSkipped(nested(jsonDepthMax)))
    assert.equal(endOf(Buffer.from(nested(jsonDepthMax + 1))), -1)
    assert.equal(endOf(Buffer.from(nested(jsonDepthMax)), 1), -1)
    assert.equal(endOf(Buffer.from(nested(jsonDepthMax - 1)), 1), nested(jsonDepthMax - 1).length)
    assert.equal(endOf(Buffer.from(nested(100_000))), -1)
  }
})

test('what the reader refuses without need, parseCanonical still takes', () => {
  for (const text of ['{"é":1}', '{"\\n":1}', '{"\u{10000}":2,"\ue000":1}']) {
    assert.ok(!isSkipped(text), text)
    parseCanonical(text, 'testing')
  }
})

test('an end that never comes is no end', () => {
  const text = Buffer.from('{"a":["b",-1.5,{"c":true}]}')
  for (let end = 0; end < text.length; end += 1) assert.equal(skipCanonical(text.subarray(0, end), 0), -1, `${end}`)
})

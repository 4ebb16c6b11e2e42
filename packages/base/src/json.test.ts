// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import canonicalizeByLibrary from 'canonicalize'
import fc from 'fast-check'
import { isSealwatchError } from './errors.ts'
import { canonicalize, type Json, jsonDepthMax, parseCanonical } from './json.ts'

const vectors = new URL('../../../vectors/jcs-rfc8785/', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, vectors), 'utf8')
const codeOf = (text: string): string => {
  try {
    parseCanonical(text, 'testing')
    return 'accepted'
  } catch (error) {
    if (isSealwatchError(error)) return error.code
    throw error
  }
}

for (const file of readdirSync(new URL('input/', vectors))) {
  test(`the published JCS vector ${file} is written, read back, and refused in its other form`, () => {
    const input = read(`input/${file}`)
    const output = read(`output/${file}`).replace(/\n$/, '')
    const value = JSON.parse(input) as object
    assert.equal(canonicalize(value), output)
    assert.deepEqual(parseCanonical(output, 'testing'), value)
    if (input !== output) assert.equal(codeOf(input), 'JSON_NOT_CANONICAL')
  })
}

test('numbers are written as the published sequence has them', () => {
  const recipe = JSON.parse(read('es6-number-sequence.json')) as {
    static_u64_hex: string[]
    serial: { first: string; count: number }
    sha256: Record<string, string>
  }
  const checked = 10_000
  const published = createHash('sha256')
  for (const bits of sequenceOf(recipe, checked)) {
    const value = new DataView(new BigUint64Array([bits]).buffer).getFloat64(0, true)
    const text = canonicalize([value]).slice(1, -1)
    assert.deepEqual(parseCanonical(`[${text}]`, 'testing'), [value === 0 ? 0 : value])
    published.update(`${bits.toString(16)},${text}\n`)
  }
  assert.equal(published.digest('hex'), recipe.sha256[checked])
})

function* sequenceOf(
  { static_u64_hex, serial }: { static_u64_hex: string[]; serial: { first: string; count: number } },
  count: number,
): Generator<bigint> {
  let left = count
  const fixed = static_u64_hex.map((hex) => BigInt(`0x${hex}`))
  const run = Array.from({ length: serial.count }, (_, i) => BigInt(`0x${serial.first}`) + BigInt(i))
  for (const bits of [...fixed, ...run]) if (left-- > 0) yield bits
  for (let block: Buffer = Buffer.alloc(32); left > 0; ) {
    block = createHash('sha256').update(block).digest()
    for (let at = 0; at < 32 && left > 0; at += 8) {
      const value = block.readDoubleLE(at)
      if (value === 0 || !Number.isFinite(value)) continue
      left -= 1
      yield block.readBigUInt64LE(at)
    }
  }
}

test('whatever is written is read back as it was', () => {
  const values = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }).filter((value) => typeof value === 'object')
  fc.assert(
    fc.property(values, (value) => {
      if (value === null) return
      const text = canonicalize(value)
      assert.equal(canonicalize(parseCanonical(text, 'testing') as object), text)
    }),
  )
})

test('another text of the same value is refused', () => {
  const others = [
    '{"b":1,"a":2}',
    '{"a":1, "b":2}',
    '{"a":1,"a":1}',
    '{"a":1}\n',
    ' {"a":1}',
    '{"a":1.0}',
    '{"a":1e2}',
    '{"a":-0}',
    '{"a":1e400}',
    '{"a":0.1000000000000000055}',
    '{"a":"\\u0041"}',
    '{"a":"\\/"}',
    '{"a":"\\u000A"}',
    '{"a":"\\u001F"}',
    '{"9":1,"10":2}',
    '{"\\u0061":1}',
    '["\u2028",1.50]',
  ]
  for (const text of others) assert.equal(codeOf(text), 'JSON_NOT_CANONICAL', text)
})

test('what only looks unusual is canonical all the same', () => {
  const texts = [
    '{"10":1,"9":2}',
    '{"":0}',
    '{"__proto__":{"a":1}}',
    '{"constructor":1,"toString":2}',
    '"\u2028"',
    '{"a":"\\\\ud800"}',
    '"\u{10ffff}"',
    '{"\u{10000}":2,"\ue000":1}',
    '[1e+30,1e-7,0.000001,9007199254740992]',
    'null',
  ]
  for (const text of texts) assert.equal(codeOf(text), 'accepted', text)
})

test('a member called __proto__ is data and changes nothing', () => {
  const value = parseCanonical('{"__proto__":{"a":1}}', 'testing') as Record<string, Json>
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
  assert.equal(value.a, undefined)
})

test('what is written is what the reference library writes, undefined members and odd keys included', () => {
  const keys = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.nat().map(String),
    fc.constantFrom('__proto__', 'toJSON', '1', '10', '9'),
  )
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, undefined, true, '\\ud', ',"1', -0, 1e21),
      fc.double(),
      fc.string({ unit: 'binary' }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 5 }),
    ),
  }))
  const written = (write: (value: object) => string | undefined, given: object) => {
    try {
      return write(given)
    } catch {
      return 'refused'
    }
  }
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 3 }),
      (given) => written(canonicalize, given) === written(canonicalizeByLibrary, given),
    ),
    { numRuns: 500 },
  )
})

test('an order that was found once is taken again for the same members in the same order alone', () => {
  const member = fc.string({ unit: fc.constantFrom(...'ab1'), maxLength: 2 })
  const objects = fc.array(fc.uniqueArray(member, { maxLength: 6 }), { minLength: 2, maxLength: 20 })
  fc.assert(
    fc.property(objects, (lists) => {
      for (const members of lists) {
        const given = { z: 0, a: Object.fromEntries(members.map((name, i) => [name, i])) }
        assert.equal(canonicalize(given), canonicalizeByLibrary(given))
      }
    }),
  )
})

test('lone surrogates are neither written nor read', () => {
  assert.throws(() => canonicalize({ a: '\ud800' }))
  assert.throws(() => canonicalize({ '\udfff': 1 }))
  for (const text of ['"\ud800"', '"\\ud800"', '{"\\udfff":1}', '{"\udc00":1}', '["\\ud83d\\u0041"]'])
    assert.equal(codeOf(text), 'JSON_NOT_CANONICAL', JSON.stringify(text))
})

test('what is not JSON is malformed', () => {
  for (const text of ['', '{', '{"a":}', "{'a':1}", '\ufeff{}', 'NaN', '[1,]', '{"a":01}', '"\n"', '{}{}', 'undefined'])
    assert.equal(codeOf(text), 'JSON_MALFORMED', JSON.stringify(text))
})

test('nesting is bounded before anything recurses into it', () => {
  const arrays = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  assert.equal(codeOf(arrays(jsonDepthMax)), 'accepted')
  assert.equal(codeOf(objects(jsonDepthMax)), 'accepted')
  for (const depth of [jsonDepthMax + 1, 5_000, 100_000]) {
    assert.equal(codeOf(arrays(depth)), 'JSON_DEPTH')
    assert.equal(codeOf(objects(depth)), 'JSON_DEPTH')
  }
})

test('no text makes the parser throw anything of its own', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => void codeOf(text)))
  const nearly = fc.tuple(fc.jsonValue(), fc.nat(), fc.constantFrom('"', '\\', '{', '0', ',', '\ud800', ' '))
  fc.assert(
    fc.property(nearly, ([value, at, piece]) => {
      const text = JSON.stringify(value)
      const place = at % (text.length + 1)
      codeOf(text.slice(0, place) + piece + text.slice(place))
    }),
  )
})

test('LOG-5: what is no canonical JSON is told by its place, never by its words', () => {
  const said = (text: string) => {
    try {
      parseCanonical(text, 'testing')
    } catch (error) {
      return `${(error as Error).stack} ${(error as Error).cause}`
    }
    return assert.fail(text)
  }
  for (const text of [
    '{"a":"planted word',
    '{ "a":"planted word"}',
    '{"b":"planted word","a":1}',
    '["planted word"] ',
    '"planted word\\ud800"',
  ])
    assert(!said(text).includes('planted'), said(text))
  assert.match(said('{"a":1, "b":2}'), /from 7 on/)
  assert.match(said(`{"a":"${'long '.repeat(20)}`), /106 characters that are no JSON at position 106/)
})

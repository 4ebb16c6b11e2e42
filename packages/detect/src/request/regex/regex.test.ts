// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inLowerCase } from './bytes.ts'
import { compileByteRegex } from './regex.ts'
import { RegexSyntaxError } from './syntax.ts'

const plenty = () => ({ steps: 10_000_000 })
const finds = (source: string, text: string) => compileByteRegex(source).test(text, plenty())
const groupsOf = (source: string, text: string) => {
  const at = compileByteRegex(source).captures(text, plenty())
  return at && Array.from({ length: at.length / 2 }, (_, group) => text.slice(at[2 * group], at[2 * group + 1]))
}

const leaf = fc.constantFrom(
  'a',
  'b',
  'A',
  '.',
  '[ab]',
  '[^a]',
  '[a-c\\d]',
  '\\w',
  '\\S',
  '\\b',
  '^',
  '$',
  '\\.',
  'ab',
  '(?i:b)',
)
const quantifier = fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{0,}', '*?', '+?', '??', '{1,3}?')
const isAssertion = (piece: string) => ['^', '$', '\\b'].includes(piece)
const oneOf = (piece: fc.Arbitrary<string>) =>
  fc
    .array(fc.array(fc.tuple(piece, quantifier), { maxLength: 3 }), { minLength: 1, maxLength: 2 })
    .map((ways) => ways.map((pieces) => pieces.map(([p, q]) => (isAssertion(p) ? p : p + q)).join('')).join('|'))
const inGroup = (inner: fc.Arbitrary<string>) =>
  oneOf(
    fc.oneof(
      leaf,
      inner.map((source) => `(?:${source})`),
    ),
  )
// Small ones: on larger ones it is the reference that does not come back.
const expression = inGroup(inGroup(oneOf(leaf))).filter((source) => source.length <= 40)
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', 'B', '1', ' ', '.', '\xe9'), maxLength: 8 })

test('DET-1 it decides as the platform’s own engine does, and finds a match at the same place', () => {
  fc.assert(
    fc.property(expression, fc.array(text, { minLength: 4, maxLength: 4 }), (source, texts) => {
      const regex = compileByteRegex(source)
      for (const input of texts) {
        const expected = new RegExp(source, 'ms').exec(input)
        assert.equal(regex.test(input, plenty()), expected !== null, `/${source}/ ${input}`)
        const groups = regex.captures(input, plenty())
        assert.equal(groups?.[0], expected?.index, `/${source}/ ${input}`)
        assert.deepEqual(regex.span(input, plenty()), groups && [groups[0], groups[1]], `/${source}/ ${input}`)
      }
    }),
    { numRuns: 1_500 },
  )
})

test('DET-1 no match is without what is required of every match', () => {
  fc.assert(
    fc.property(expression, text, (source, input) => {
      const regex = compileByteRegex(source)
      if (!regex.test(input, plenty())) return
      const { atoms, bytes } = regex.required
      assert(atoms === undefined || atoms.some((atom) => inLowerCase(input).includes(atom)), `${source} ${atoms}`)
      assert(bytes === undefined || [...input].some((char) => bytes[char.charCodeAt(0)] === 1), source)
    }),
    { numRuns: 1_500 },
  )
})

test('DET-1 bytes that are no letters of ASCII have no case', () => {
  assert.deepEqual(compileByteRegex('\\xc0\\xaf').required.atoms, ['\xc0\xaf'])
})

test('DET-1 groups hold what a backtracking engine would put there', () => {
  assert.deepEqual(groupsOf('(\\d+)-(\\d+)', 'x 12-345'), ['12-345', '12', '345'])
  assert.deepEqual(groupsOf('(a+?)(a*)', 'aaa'), ['aaa', 'a', 'aa'])
  assert.deepEqual(groupsOf('(?i)(?:url|jar)://(?:[^@]+@)?([^/]*)', 'q=URL://u@host/x'), ['URL://u@host', 'host'])
  assert.deepEqual(groupsOf('(a)|(b)', 'b'), ['b', '', 'b'])
  assert.equal(groupsOf('(a)(b)', 'ac'), undefined)
})

test('DET-1 it reads PCRE as libmodsecurity compiles it: over bytes, lines are told apart, a dot is any byte', () => {
  const rows: [string, string, boolean][] = [
    ['^b$', 'a\nb\nc', true],
    ['a.b', 'a\nb', true],
    ['^$', 'a\n', false],
    ['a\\z', 'a\n', false],
    ['a\\Z', 'a\n', true],
    ['[\\x80-\\xff]', 'é', true],
    ['\\x{bc}', '\xbc', true],
    ['[^\\x00-\\x{7f}]', '\xa0', true],
    ['(?i)[^a]', 'A', false],
    ['[[:alpha:]_]+[^[:space:]]', 'a1', true],
    ['a(?i)b|c', 'aB', true],
    ['a(?i:b)c', 'aBC', false],
    ['[]a]', ']', true],
    ['[\\w-.]', '-', true],
    ['a{,3}', 'a{,3}', true],
    ['a++b', 'aab', true],
    ['\\v', '\x0b', true],
    ['\\101', 'A', true],
  ]
  for (const [source, input, expected] of rows) assert.equal(finds(source, input), expected, `/${source}/ ${input}`)
})

test('DET-1 what is no such expression is refused by name', () => {
  const rows = [
    '(a',
    'a)',
    '[a',
    '*a',
    'a{3,1}',
    '\\',
    '(?z)a',
    '[b-a]',
    '[[:nope:]]',
    'a{99999}',
    '\\q',
    `${'('.repeat(200)}a${')'.repeat(200)}`,
  ]
  for (const source of rows) assert.throws(() => compileByteRegex(source), RegexSyntaxError, source)
  assert.throws(() => compileByteRegex('((a{100}){100}){100}'), /instructions/)
})

test('DET-1 an expression that would stop a backtracking engine takes steps in proportion to the text', () => {
  for (const source of ['^(a+)+$', '(a|aa)+$', '(.*a){12}b', '(?:\\s*\\s*)*x', '^(?:[\\s\\d]+[\\s\\w]*)*!']) {
    const regex = compileByteRegex(source)
    for (const filler of ['a', '\n', 'a\n ', '1']) {
      const meter = plenty()
      regex.test(filler.repeat(65_536), meter)
      assert(meter.steps > 9_000_000, `${source} took ${10_000_000 - meter.steps} steps`)
    }
  }
})

test('DET-1 look-around and back-references are run by backtracking, as the platform’s own engine does', () => {
  const rows: [source: string, text: string][] = [
    ['(?<!ab)c', 'abc'],
    ['(?<!ab)c', 'bc'],
    ['(?<=a)b(?!c)', 'abc abd'],
    ['(?i)\\b(\\w+)\\b\\s*=\\s*\\1', 'x and Ab = aB'],
    ['([\\s\'"]*?)(\\d+)\\1(?:=)\\1\\2', "1'1'='1'"],
    ['(a+?)(b|ab)*\\2$', 'aababab'],
    ['(?=.*\\d)(?=.*[a-z])^\\w{3,}$', 'ab1'],
  ]
  for (const [source, input] of rows) {
    const flags = source.startsWith('(?i)') ? 'msi' : 'ms'
    const expected = new RegExp(source.replace('(?i)', ''), flags).exec(input)
    const at = compileByteRegex(source).captures(input, plenty())
    assert.deepEqual(
      at && [at[0], at[1]],
      expected ? [expected.index, expected.index + expected[0].length] : undefined,
      source,
    )
  }
})

test('DET-1 what backtracking does not decide within its budget is counted, and nothing overflows', () => {
  const regex = compileByteRegex('(?!x)(?:a+)+\\1?(b)\\1$')
  for (const input of ['a'.repeat(64), 'a'.repeat(65_536)]) {
    const meter = { steps: 10_000_000, missed: 0 }
    assert.equal(regex.test(input, meter), undefined)
    assert.equal(meter.missed, 1)
    assert(meter.steps > 9_000_000)
  }
})

test('DET-1 an expression with more states than there is room for stays within its steps, and says when they are used up', () => {
  const regex = compileByteRegex('[ab]*a[ab]{14}c')
  let seed = 1
  const letter = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 16) % 2 === 0 ? 'a' : 'b'
  }
  const input = Array.from({ length: 20_000 }, letter).join('')
  const meter = { steps: 100_000 }
  assert.equal(regex.test(input, meter), undefined)
  assert(meter.steps < 0 && meter.steps > -1_000)
  assert.equal(regex.test(`${input}aaaaaaaaaaaaaaac`, { steps: 100_000_000 }), true)
})

test('DET-1 any text is either refused or decides', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab\\[]^-(){}?*+|.$1,:<=!'), maxLength: 20 }), (source) => {
      try {
        compileByteRegex(source).captures('aab', plenty())
      } catch (error) {
        assert(error instanceof RegexSyntaxError, `${source}: ${error}`)
      }
    }),
    { numRuns: 3_000 },
  )
})

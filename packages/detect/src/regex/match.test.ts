// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ruleLimits } from '../limits.ts'
import { RegexStepsError } from './budget.ts'
import { compileRegex } from './match.ts'
import { RegexSyntaxError } from './parse.ts'

const plain = { ignoreCase: false, multiline: false, dotAll: false }

const leaf = fc.constantFrom('a', 'b', 'A', '.', '[ab]', '[^a]', '[a-c\\d]', '\\w', '\\S', '\\b', '^', '$', '\\.', '\n')
const quantifier = fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{0,}', '*?', '+?')
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
// Small ones only: they are as telling, and on larger ones it is the reference that does not come back.
const expression = inGroup(inGroup(oneOf(leaf))).filter((source) => source.length <= 40)
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', 'B', '1', ' ', '.', '\n'), maxLength: 8 })
/** Read by the slower way. */
const foreign = fc.tuple(text, fc.constantFrom('é', '–', '\u2028'), text).map((parts) => parts.join(''))

test('it decides as the platform’s own engine does', () => {
  const flag = fc.record({ ignoreCase: fc.boolean(), multiline: fc.boolean(), dotAll: fc.boolean() })
  fc.assert(
    fc.property(
      expression,
      flag,
      fc.array(fc.oneof(text, foreign), { minLength: 5, maxLength: 5 }),
      (source, flags, texts) => {
        const letters = `${flags.ignoreCase ? 'i' : ''}${flags.multiline ? 'm' : ''}${flags.dotAll ? 's' : ''}`
        const reference = new RegExp(source, letters)
        const { matches } = compileRegex(source, flags)
        for (const input of texts) assert.equal(matches(input), reference.test(input), `/${source}/${letters} ${input}`)
      },
    ),
    { numRuns: 1_000 },
  )
})

test('where more sets of states are alive than are kept, it decides all the same', () => {
  const source = 'a[ab]{9}c'
  const { matches } = compileRegex(source, plain)
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 20, maxLength: 40 })
  let matched = 0
  fc.assert(
    fc.property(texts, (input) => {
      const expected = new RegExp(source).test(input)
      matched += Number(expected)
      assert.equal(matches(input), expected, input)
    }),
    { numRuns: 2_000, seed: 8 },
  )
  assert(matched > 20 && matched < 1_980, `${matched} matched`)
})

test('DET-2 of every text that matches the lower case has one of the literals in it, and they are worth looking for', () => {
  fc.assert(
    fc.property(expression, fc.boolean(), text, (source, ignoreCase, input) => {
      const { matches, literals } = compileRegex(source, { ...plain, ignoreCase })
      assert(literals.length > 0, source)
      if (matches(input))
        assert(
          literals.some((literal) => input.toLowerCase().includes(literal)),
          `/${source}/ ${input}`,
        )
    }),
    { numRuns: 2_000 },
  )
  const rows: [string, readonly string[]][] = [
    ['^/USR/s?bin/(su|login)$', ['/usr/bin/su', '/usr/bin/login', '/usr/sbin/su', '/usr/sbin/login']],
    ['x\\s+-(e|--exec)', ['-e', '---exec']],
    ['(wget|curl) x?http', ['wget http', 'wget xhttp', 'curl http', 'curl xhttp']],
    ['a*|b', ['', 'b']],
    ['[aA]b[cd]', ['abc', 'abd']],
    ['(ab){2}', ['ab']],
    ['é/x', ['/x']],
  ]
  for (const [source, literals] of rows) assert.deepEqual(compileRegex(source, plain).literals, literals, source)
})

test('no character beyond ASCII is another case of one of ASCII', () => {
  for (const [source, text] of [
    ['k', '\u212a'],
    ['S', '\u017f'],
    ['s', '\u017f'],
  ] as const)
    assert.equal(compileRegex(source, { ...plain, ignoreCase: true }).matches(text), false, source)
  assert.equal(compileRegex('É', { ...plain, ignoreCase: true }).matches('é'), true)
})

test('the first text a matcher is asked about is judged as every later one', () => {
  fc.assert(
    fc.property(expression, text, (source, input) => {
      const expected = new RegExp(source).test(input)
      const { matches } = compileRegex(source, plain)
      assert.deepEqual([matches(input), matches(input), matches(input)], [expected, expected, expected], source)
    }),
    {
      numRuns: 300,
      examples: [
        ['^a$', 'a'],
        ['^$', ''],
        ['a', 'a'],
        ['\\b', 'a'],
      ],
    },
  )
})

test('DET-2 a class of any ranges, in any order, has the characters that it says, and with the case aside their other case', () => {
  const unit = fc.oneof(fc.integer({ min: 0x80, max: 0x600 }), fc.integer({ min: 0, max: 0xffff }))
  const hex = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`
  const other = (code: number) => {
    const char = String.fromCharCode(code)
    const changed = char.toLowerCase() === char ? char.toUpperCase() : char.toLowerCase()
    const [changedTo = code] = changed.length === 1 ? [changed.charCodeAt(0)] : []
    return changedTo < 0x80 === code < 0x80 ? changedTo : code
  }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(unit, fc.nat(40)), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      fc.boolean(),
      (ranges, negated, ignoreCase) => {
        const ends = ranges.map(([low, more]) => [low, Math.min(0xffff, low + more)] as const)
        const source = `^[${negated ? '^' : ''}${ends.map(([low, high]) => `${hex(low)}-${hex(high)}`).join('')}]$`
        const { matches } = compileRegex(source, { ...plain, ignoreCase })
        const within = (code: number) => ends.some(([low, high]) => code >= low && code <= high)
        for (const code of ends.flat().flatMap((end) => [end - 1, end, end + 1, other(end)])) {
          if (code < 0 || code > 0xffff) continue
          const expected = (within(code) || (ignoreCase && within(other(code)))) !== negated
          assert.equal(matches(String.fromCharCode(code)), expected, `${source} ${hex(code)} ${ignoreCase}`)
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('DET-2 expressions that share a budget have no more states than are left, and say so where a text takes more steps', () => {
  const budget = { states: 600, steps: 0 }
  const foreign = compileRegex('[^x]{0,200}\u0001', plain, budget)
  assert(budget.states > 0 && budget.states < 400, `${budget.states} left`)
  assert.throws(() => compileRegex('a{0,400}b', plain, budget), /states, which are left for it/)
  for (const [text, steps] of [
    ['\u9000'.repeat(100), 1_000],
    ['a'.repeat(100), 1_000],
    ['a'.repeat(100), 99],
  ] as const) {
    budget.steps = steps
    assert.throws(() => foreign.matches(text), RegexStepsError, `${text.slice(0, 1)} ${steps}`)
    budget.steps = 1_000_000
    assert.deepEqual([foreign.matches(text), foreign.matches(`${text}\u0001`)], [false, true])
    assert(budget.steps < 1_000_000)
  }
})

test('expressions from real rules', () => {
  const rows: [string, string, boolean][] = [
    ['(.){200,}', 'x'.repeat(200), true],
    ['(.){200,}', 'x'.repeat(199), false],
    ['(?:\\s-[^-\\s]{0,20}i|\\s--inode\\s)', 'ls -lai', true],
    ['-(W|R)\\s?(\\s|"|\')([0-9a-fA-F]{2}\\s?){2,20}(\\s|"|\')', 'x -W "0a 0b "', true],
    ['(?i)^/USR/s?bin/(su|login)$', '/usr/sbin/login', true],
    ['^/usr/bin/su$', '/usr/bin/sudo', false],
    ['[\\]a-]', '-', true],
    ['a{,3}', 'a{,3}', true],
  ]
  for (const [source, input, expected] of rows)
    assert.equal(compileRegex(source, plain).matches(input), expected, source)
})

test('what an automaton cannot decide is refused by name', () => {
  const rows = [
    '(?=a)',
    '(?<!a)b',
    '(a)\\1',
    'a++',
    '(?>a)',
    '[[:alpha:]]',
    '\\p{L}',
    '(a',
    'a)',
    '[a',
    '*a',
    'a**',
    'a{3,1}',
    '\\',
  ]
  for (const source of rows) assert.throws(() => compileRegex(source, plain), RegexSyntaxError, source)
})

test('an expression that would stop a backtracking engine takes steps in proportion to the text', () => {
  const { matches } = compileRegex('^(a+)+$', plain)
  assert.equal(matches(`${'a'.repeat(50_000)}b`), false)
})

test('size and depth are bounded', () => {
  assert.throws(() => compileRegex('a'.repeat(ruleLimits.regexUnitsMax + 1), plain), /longer than/)
  assert.throws(() => compileRegex('(a{100}){100}', plain), /states/)
  assert.throws(() => compileRegex('((()){9999}){9999}', plain), /states/)
  assert.throws(() => compileRegex('('.repeat(40) + ')'.repeat(40), plain), /nested/)
  assert.equal(compileRegex('(((a?){20}){20})?', plain).matches('b'), true)
})

test('any text is either refused or decides', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab\\[]^-(){}?*+|.$1,:<'), maxLength: 20 }), (source) => {
      try {
        compileRegex(source, plain).matches('aab')
      } catch (error) {
        assert(error instanceof RegexSyntaxError, String(error))
      }
    }),
    { numRuns: 2_000 },
  )
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize } from '@sealwatch/base'
import fc from 'fast-check'
import { createAutomaton, createHits, type Literal, resetHits } from './automaton.ts'
import { ruleLimits } from './limits.ts'
import { evaluate, evaluateEach, loadRules } from './ruleset.ts'

/** Characters whose lower case has other lengths, depends on what is beside it, or is ASCII; and what JSON escapes. */
const unit = fc.constantFrom(...'abAB/.-1 ', 'é', 'É', 'K', 'ſ', 'İ', 'Σ', 'σ', 'ß', '"', '\\', '\n', '\u0001', '😀')
const text = fc.string({ unit, maxLength: 6 })
const value = fc.oneof(
  text,
  text.map((part) => `*${part}`),
  text.map((part) => `${part}*`),
  fc.tuple(text, fc.constantFrom('*', '?'), text).map((parts) => parts.join('')),
  fc.constantFrom('a', 'ab', 77, true, '', null),
)
const form = fc.constantFrom(
  '',
  '|contains',
  '|startswith',
  '|endswith',
  '|cased',
  '|contains|cased',
  '|neq',
  '|contains|all',
)
const plainItem = fc
  .tuple(fc.constantFrom('Image', 'CommandLine', 'ParentImage', 'AncestorImage', 'User', 'ProcessId'), form)
  .chain(([field, modifiers]) => {
    const values = fc.array(modifiers === '' ? value : value.map((one) => one ?? 'a'), { minLength: 1, maxLength: 3 })
    return values.map((list): readonly [string, unknown] => [field + modifiers, list])
  })
const otherItem = fc.constantFrom<readonly [string, unknown]>(
  ['Image|re', '(a|B)b?/'],
  ['CommandLine|re|i', 'A[b1]/|-1'],
  ['ProcessId|gt', 70],
  ['CommandLine|exists', true],
  ['CommandLine|exists', false],
  ['Image|fieldref', 'CommandLine'],
  ['CommandLine|base64offset|contains', 'ab'],
)
const selection = fc.array(fc.oneof({ weight: 4, arbitrary: plainItem }, otherItem), { minLength: 1, maxLength: 3 })
const condition = fc.constantFrom(
  'a',
  'a and b',
  'a or b',
  'a and not b',
  'not a',
  'not (a or b)',
  'a and (b or not a)',
)
const rules = fc.array(fc.tuple(selection, selection, condition), { minLength: 1, maxLength: 8 })

const idOf = (at: number) => `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`
const fileOf = ([a, b, condition]: readonly [unknown, unknown, string], at: number) => {
  const detection = { a: Object.fromEntries(a as []), b: Object.fromEntries(b as []), condition }
  const rule = { title: `Rule ${at}`, id: idOf(at), logsource: { category: 'process_creation' }, detection }
  return { path: `${at}.yml`, text: JSON.stringify(rule) }
}

const member = fc.oneof({ weight: 6, arbitrary: text }, fc.constantFrom(77, 71, true, null, 'ab', 'a', [], {}))
const event = fc.record({
  type_uid: fc.constant(100_701),
  process: fc.record({ cmd_line: member, pid: member, file: fc.record({ path: member }) }, { requiredKeys: [] }),
  actor: fc.record(
    {
      process: fc.record(
        {
          ancestry: fc.array(fc.record({ path: member }), { maxLength: 2 }),
          parent_process: fc.record({ file: fc.record({ path: member }) }),
        },
        { requiredKeys: [] },
      ),
      user: fc.record({ name: text }),
    },
    { requiredKeys: [] },
  ),
})
const asText = (matches: ReturnType<typeof evaluate>) =>
  matches.map(({ rule, reasons }) => `${rule.path} ${JSON.stringify(reasons)}`)

test('DET-2 rules found by their texts are those that fire when each is tried, with the same reasons, in the same order', () => {
  let fired = 0
  fc.assert(
    fc.property(rules, fc.array(event, { minLength: 4, maxLength: 4 }), fc.boolean(), (parts, events, isOpen) => {
      const { ruleset, problems } = loadRules(parts.map(fileOf))
      assert.deepEqual(problems, [])
      for (const one of events) {
        const side = isOpen ? { '/event/actor/user/name': { salt: '', value: 'ab' } } : {}
        const expected = asText(evaluateEach(ruleset, one, side))
        assert.deepEqual(asText(evaluate(ruleset, one, side)), expected)
        fired += expected.length
        if (one.actor?.user?.name.isWellFormed() === false) continue
        const mayFire = ruleset.mayFire(Buffer.from(`{"event":${canonicalize(one)},"prev":""}`), '{"event":'.length)
        assert(mayFire || expected.length === 0)
      }
    }),
    { numRuns: 400 },
  )
  assert(fired > 300, `${fired} fired`)
})

test('DET-2 a rule is tried with events that have one of each of its texts, and with no others', () => {
  const detection = { a: { 'Image|endswith': '/nc', 'CommandLine|contains': ' -e ' }, condition: 'a' }
  const file = (at: number, extra: object) => ({
    path: `${at}.yml`,
    text: JSON.stringify({
      title: 'A',
      id: idOf(at),
      logsource: { category: 'process_creation' },
      detection: { ...detection, ...extra },
    }),
  })
  const { ruleset } = loadRules([file(1, {}), file(2, { condition: 'not a' })])
  const [found, open] = ruleset.rules.map(({ needs }) => needs)
  assert.deepEqual(
    found?.map((group) => group.map(({ place, text }) => [place, text])),
    [[['end', '/nc']], [['anywhere', ' -e ']]],
  )
  assert.deepEqual(open, [])
  const tried = (path: string, line: string) =>
    ruleset.candidates.get(100_701)?.(({ attribute, automaton }, hits) =>
      automaton.scanText(attribute.path.at(-1) === 'path' ? path : line, hits),
    ).length
  assert.deepEqual([tried('/bin/nc', 'nc -e sh'), tried('/bin/ncat', 'nc -e sh'), tried('/bin/nc', 'nc')], [2, 1, 1])
})

test('DET-2 the automaton finds each text where it is asked for, in texts as in bytes', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 })
  const place = fc.constantFrom<Literal['place']>('whole', 'start', 'end', 'anywhere')
  const input = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'A', '-'), maxLength: 12 })
  fc.assert(
    fc.property(fc.array(fc.tuple(letters, place), { maxLength: 12 }), input, (asked, given) => {
      const literals = asked.map(([text, place], owner) => ({ text, place, owner }))
      const automaton = createAutomaton(literals)
      const lower = given.toLowerCase()
      const has = {
        whole: (t: string) => lower === t,
        start: (t: string) => lower.startsWith(t),
        end: (t: string) => lower.endsWith(t),
        anywhere: (t: string) => lower.includes(t),
      }
      const expected = literals.filter(({ text, place }) => has[place](text)).map(({ owner }) => owner)
      const hits = createHits(literals.length)
      resetHits(hits)
      automaton.scanText(lower, hits)
      assert.deepEqual(
        hits.list.toSorted((a, b) => a - b),
        expected,
      )
      resetHits(hits)
      assert.equal(automaton.scanBytes(Buffer.from(`"${given}"`), 1, given.length + 1, hits), true)
      assert.deepEqual(
        hits.list.toSorted((a, b) => a - b),
        expected,
      )
    }),
    { numRuns: 2_000 },
  )
  for (const text of ['\\', 'é'])
    assert.equal(createAutomaton([]).scanBytes(Buffer.from(text), 0, Buffer.byteLength(text), createHits(0)), false)
})

test('DET-2 texts beyond ASCII are found by what of them is ASCII', () => {
  const rows: [string, string, string][] = [
    ['Image', 'é/x', 'É/X'],
    ['Image|endswith', '/xé', '/bin/xÉ'],
    ['Image|cased|contains', '/aΣ', '/aΣb'],
    ['Image', 'é', 'É'],
  ]
  for (const [field, asked, path] of rows) {
    const rule = { title: 'A', id: idOf(1), logsource: { category: 'process_creation' } }
    const text = JSON.stringify({ ...rule, detection: { a: { [field]: asked }, condition: 'a' } })
    const { ruleset } = loadRules([{ path: 'a.yml', text }])
    assert.equal(evaluate(ruleset, { type_uid: 100_701, process: { file: { path } } } as never).length, 1, field)
  }
})

test('DET-2 what is too much for the index is tried with every event, and long texts are found by a part', () => {
  const long = 'x'.repeat(ruleLimits.indexUnitsMax + 1)
  const list = (at: number) => Array.from({ length: 900 }, (_, i) => `${at}/${i}/${long}`)
  const file = (_: unknown, at: number) => ({
    path: `${at}.yml`,
    text: JSON.stringify({
      title: 'A',
      id: idOf(at),
      logsource: { category: 'process_creation' },
      detection: { a: { CommandLine: list(at) }, condition: 'a' },
    }),
  })
  const { ruleset, problems } = loadRules(Array.from({ length: 12 }, file))
  assert.deepEqual(problems, [])
  for (const at of [0, 11]) {
    const one = { type_uid: 100_701, process: { cmd_line: `${at}/899/${long}` } }
    assert.deepEqual(
      evaluate(ruleset, one).map(({ rule }) => rule.path),
      [`${at}.yml`],
    )
  }
  const tried = ruleset.candidates.get(100_701)?.(() => undefined).length ?? 0
  assert(tried > 0 && tried < 12, `${tried}`)
})

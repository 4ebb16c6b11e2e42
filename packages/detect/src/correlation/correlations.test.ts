// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeafRef } from '@sealwatch/contract'
import fc from 'fast-check'
import { ruleLimits } from '../limits.ts'
import { loadRules, matchesOf } from '../ruleset.ts'
import { createCorrelations, type Fired, reasonsOf } from './correlations.ts'

const rule = (name: string, more = '') => `title: Rule ${name}
name: ${name}
logsource:
  category: process_creation
detection:
  selection:
    Image: /bin/${name}
  condition: selection
${more}`
const correlation = (body: string, name = 'c', more = '') => `title: Correlation ${name}
name: ${name}
correlation:
  ${body.replaceAll('\n', '\n  ')}
${more}`
const counting = (condition: string, more = 'group-by: [User]') =>
  correlation(`type: event_count\nrules: [a]\n${more}\ntimespan: 1m\ncondition:\n  ${condition}`)

function load(...documents: string[]) {
  const { ruleset, problems, notices } = loadRules([{ path: 'a.yml', text: documents.join('\n---\n') }])
  assert.deepEqual(problems, [])
  return { ruleset, notices }
}
function problemOf(...documents: string[]): string {
  const { problems } = loadRules([{ path: 'a.yml', text: documents.join('\n---\n') }])
  assert.equal(problems.length, 1, documents.join('\n'))
  return `line ${problems[0]?.line}: ${problems[0]?.error.message}`
}

const leafAt = (leaf_index: number): LeafRef => ({
  tenant: 't',
  chain: 'c',
  seq: leaf_index,
  leaf_index,
  leaf_hash: `h${leaf_index}`,
})
const ns = (seconds: number) => BigInt(Math.round(seconds * 1e9))
/** A program was started by somebody, so many seconds after the first. */
type Act = readonly [program: string, atSeconds: number, user?: string | undefined, more?: object]
const eventOf = ([program, , user, more]: Act) => ({
  type_uid: 100_701,
  process: { file: { path: `/bin/${program}` }, cmd_line: `${program} ${user}` },
  ...(user !== undefined && { actor: { user: { name: user } } }),
  ...more,
})

function follow(documents: readonly string[], acts: readonly Act[]) {
  const { ruleset } = load(...documents)
  const correlations = createCorrelations(ruleset.correlations)
  const fired = acts.map((act, at) => feedTo(correlations, ruleset, act, at))
  return { correlations, ruleset, fired: fired.flat() }
}
function feedTo(
  correlations: ReturnType<typeof createCorrelations>,
  ruleset: Parameters<typeof matchesOf>[0],
  act: Act,
  at: number,
): readonly Fired[] {
  const event = eventOf(act)
  return matchesOf(ruleset, event).flatMap(({ rule: { id } }) =>
    correlations.feed({ ruleId: id, event, side: {}, timeNs: ns(1_000 + act[1]), leaf: leafAt(at) }),
  )
}
/** Name and leaves, oldest first. */
const told = (fired: readonly Fired[]) =>
  fired.map(({ correlation, leaves }) => [
    correlation.id,
    leaves.map(({ leaf_index }) => leaf_index).sort((a, b) => a - b),
  ])
const u = (program: string, at: number): Act => [program, at, 'u']

test('DET-2 event_count fires when as many events of a group come within the time, and begins anew', () => {
  const documents = [rule('a'), counting('gte: 3')]
  assert.deepEqual(told(follow(documents, [u('a', 0), u('a', 1), u('b', 2), u('a', 59)]).fired), [['c', [0, 1, 3]]])
  assert.deepEqual(told(follow(documents, [u('a', 0), u('a', 1), u('a', 60)]).fired), [])
  assert.deepEqual(
    told(
      follow(
        documents,
        [0, 1, 2, 3, 4, 5, 6].map((at) => u('a', at)),
      ).fired,
    ),
    [
      ['c', [0, 1, 2]],
      ['c', [3, 4, 5]],
    ],
  )
  const byTwo: Act[] = [
    ['a', 0, 'u'],
    ['a', 1, 'v'],
    ['a', 2, 'u'],
    ['a', 3, 'v'],
    ['a', 4, 'v'],
  ]
  assert.deepEqual(told(follow(documents, byTwo).fired), [['c', [1, 3, 4]]])
  assert.deepEqual(told(follow([rule('a'), counting('gt: 3', '')], byTwo).fired), [['c', [0, 1, 2, 3]]])
})

test('DET-2 an event of equal acts counts them, and one that lacks what is grouped by is in no group', () => {
  const documents = [rule('a'), counting('gte: 3')]
  assert.deepEqual(told(follow(documents, [['a', 0, 'u', { count: 3 }]]).fired), [['c', [0]]])
  assert.deepEqual(
    told(
      follow(documents, [
        ['a', 0],
        ['a', 1],
        ['a', 2],
      ]).fired,
    ),
    [],
  )
  for (const count of [-1, 0.5, '9', Number.MAX_VALUE])
    assert.deepEqual(told(follow(documents, [['a', 0, 'u', { count }]]).fired), [], String(count))
})

test('DET-2 value_count counts distinct values, of several fields together', () => {
  const of = (field: string) => [
    rule('a'),
    correlation(`type: value_count\nrules: [a]\ntimespan: 1m\ncondition:\n  field: ${field}\n  gte: 3`),
  ]
  const acts: Act[] = [
    ['a', 0, 'u'],
    ['a', 1, 'v'],
    ['a', 2, 'u'],
    ['a', 3],
    ['a', 59.5, 'w'],
  ]
  assert.deepEqual(told(follow(of('User'), acts).fired), [['c', [1, 2, 4]]])
  assert.deepEqual(told(follow(of('User'), acts.slice(0, 4)).fired), [])
  assert.deepEqual(told(follow(of('[User, CommandLine]'), acts).fired), [['c', [1, 2, 4]]])
})

test('DET-2 temporal wants each of its rules, temporal_ordered in their order', () => {
  const of = (type: string, condition = '') => [
    ...['a', 'b', 'd'].map((name) => rule(name)),
    correlation(`type: ${type}\nrules: [a, b, d]\ngroup-by: [User]\ntimespan: 1m${condition}`),
  ]
  const mixed = [u('d', 0), u('b', 1), u('a', 2)]
  assert.deepEqual(told(follow(of('temporal'), mixed).fired), [['c', [0, 1, 2]]])
  assert.deepEqual(told(follow(of('temporal_ordered'), mixed).fired), [])
  assert.deepEqual(told(follow(of('temporal_ordered'), [...mixed, u('b', 3), u('d', 4)]).fired), [
    ['c', [0, 1, 2, 3, 4]],
  ])
  assert.deepEqual(told(follow(of('temporal'), [u('a', 0), u('b', 30), u('d', 60)]).fired), [])
  assert.deepEqual(told(follow(of('temporal', '\ncondition:\n  gte: 2'), [u('a', 0), u('a', 1), u('d', 9)]).fired), [
    ['c', [0, 1, 2]],
  ])
  // A flood of one does not push out another.
  const flood = [u('a', 0), ...Array.from({ length: 100 }, (_, at) => u('b', 1 + at / 10)), u('d', 30)]
  assert.equal(follow(of('temporal_ordered'), flood).fired.length, 1)
})

test('DET-2 what more events may make false is asked when the time is over, and late ones are waited for', () => {
  const end = (condition: string, times: readonly number[]) => {
    const { correlations } = follow(
      [rule('a'), counting(condition)],
      times.map((at) => u('a', at)),
    )
    assert.equal(correlations.isWaiting, true)
    assert.deepEqual(correlations.advance(ns(1_000 + 119)), [])
    return told(correlations.advance(ns(1_000 + 60 + ruleLimits.correlationLateSeconds)))
  }
  assert.deepEqual(end('lt: 3', [0, 1]), [['c', [0, 1]]])
  assert.deepEqual(end('lt: 3', [0, 1, 2]), [])
  assert.deepEqual(end('lte: 3', [0, 2, 1]), [['c', [0, 1, 2]]])
  assert.deepEqual(end('eq: 2', [0, 1, 61]), [['c', [0, 1]]])
  assert.deepEqual(end('eq: 2', [0, 1, 2]), [])
  assert.deepEqual(end('neq: 2', [0, 1]), [])
  assert.deepEqual(end('gt: 1\n  lte: 2', [0, 1]), [['c', [0, 1]]])
  const { correlations } = follow([rule('a'), counting('eq: 1')], [u('a', 0), u('a', 60)])
  assert.deepEqual(told(correlations.advance(ns(1_000 + 120))), [['c', [0]]])
  assert.deepEqual([told(correlations.advance(ns(1_000 + 180))), correlations.isWaiting], [[['c', [1]]], false])
})

test('DET-2 an event may come late, within a bound; what comes later is counted', () => {
  const documents = [rule('a'), counting('gte: 3')]
  assert.deepEqual(told(follow(documents, [u('a', 50), u('a', 0), u('a', 20)]).fired), [['c', [0, 1, 2]]])
  assert.deepEqual(told(follow(documents, [u('a', 100), u('a', 30), u('a', 60), u('a', 50)]).fired), [['c', [1, 2, 3]]])
  const { correlations, fired } = follow(documents, [u('a', 200), u('a', 80), u('a', 201), u('a', 202)])
  assert.deepEqual([told(fired), correlations.late], [[['c', [0, 2, 3]]], 1])
})

test('DET-2 correlations are about correlations, by aliases about fields of other names', () => {
  const documents = [
    rule('a'),
    rule('b'),
    correlation('type: event_count\nrules: [a]\ngroup-by: [User]\ntimespan: 1m\ncondition:\n  gte: 2', 'many'),
    correlation(
      'type: temporal_ordered\nrules: [many, b]\ngroup-by: [who]\ntimespan: 5m\naliases:\n  who:\n    many: User\n    b: ComputerName',
      'c',
    ),
  ]
  const b = (at: number, hostname: string): Act => ['b', at, undefined, { device: { hostname } }]
  assert.deepEqual(told(follow(documents, [u('a', 0), u('a', 1), b(2, 'v'), b(200, 'u')]).fired), [
    ['many', [0, 1]],
    ['c', [0, 1, 3]],
  ])
  const { ruleset } = load(...documents)
  assert.deepEqual([...ruleset.silent].sort(), ['a', 'b', 'many'])
})

test('DET-2 correlations are about rules of Falco by their ids, and group by fields of the actor', () => {
  const falco =
    '- rule: A starts\n  desc: x\n  condition: evt.type = execve and proc.exepath = /bin/a\n  output: x\n  priority: WARNING\n'
  const files = [
    { path: 'falco.yaml', text: falco },
    { path: 'c.yml', text: counting('gte: 2').replace('[a]', "['falco:A starts']") },
  ]
  const { ruleset, problems } = loadRules(files)
  assert.deepEqual(problems, [])
  const correlations = createCorrelations(ruleset.correlations)
  const by = (name: string, at: number): Act => [
    'a',
    at,
    name,
    { metadata: { event_code: 'exec' }, actor: { process: { file: { path: '/bin/a' } }, user: { name } } },
  ]
  const fired = [by('u', 0), by('v', 1), by('u', 2)].flatMap((act, at) => feedTo(correlations, ruleset, act, at))
  assert.deepEqual(told(fired), [['c', [0, 2]]])
  const wrong = loadRules([
    ...files.slice(0, 1),
    { path: 'c.yml', text: files[1]?.text.replace('User', 'TargetFilename') ?? '' },
  ])
  assert.equal(wrong.problems[0]?.error.code, 'RULE_FIELD')
})

test('DET-2 rules that a correlation is about tell nothing by themselves, unless it says so; of other files this is noticed', () => {
  const told = (more: string) => {
    const files = [
      { path: 'a.yml', text: rule('a') },
      { path: 'c.yml', text: `${counting('gte: 3')}${more}` },
    ]
    const { ruleset, notices } = loadRules(files)
    return [[...ruleset.silent], notices.map(({ path, text }) => `${path}: ${text}`)]
  }
  assert.deepEqual(told(''), [
    ['a'],
    ['c.yml: Rule a is told no more by itself: Correlation c has no "generate: true"'],
  ])
  assert.deepEqual(told('generate: true'), [[], []])
})

test('DET-2 a finding of a correlation can say why, and has level and techniques of its rules where it says none', () => {
  const documents = [
    rule('a', 'level: high\ntags: [attack.t1070]'),
    rule('b'),
    correlation('type: temporal\nrules: [a, b]\ngroup-by: [User]\ntimespan: 1m'),
  ]
  const { fired } = follow(documents, [u('a', 0), u('b', 1)])
  const [one] = fired
  assert.deepEqual(reasonsOf(one as Fired, eventOf(u('b', 1)), {}), [
    { selection: 'temporal', field: 'count', attribute: '/event', value: 2 },
    { selection: 'group-by', field: 'User', attribute: '/event/actor/user/name', value: 'u' },
  ])
  assert.deepEqual(
    [one?.correlation.severity, one?.correlation.attacks.map(({ technique }) => technique?.uid)],
    ['high', ['T1070']],
  )
  assert.deepEqual(
    one?.leaves.map(({ leaf_index }) => leaf_index),
    [1, 0],
    'the newest first',
  )
})

test('DET-2 what is held is bounded: what was used least recently gives way, and is counted', () => {
  const users = Array.from({ length: ruleLimits.correlationGroupsMax + 2 }, (_, at): Act => ['a', at / 1_000, `u${at}`])
  const { correlations, ruleset } = follow([rule('a'), counting('gte: 2')], users)
  assert.deepEqual([correlations.forgotten, correlations.held.length], [2, ruleLimits.correlationGroupsMax])
  const again = (user: string) => feedTo(correlations, ruleset, ['a', 5, user], 99_999).length
  assert.deepEqual([again('u0'), again('u9')], [0, 1])
})

test('DET-2 what was held and is held again fires as if nothing had been between, and holds no value of an event', () => {
  const documents = [
    ...['a', 'b'].map((name) => rule(name)),
    counting('gte: 3'),
    correlation('type: temporal_ordered\nrules: [a, b]\ngroup-by: [User]\ntimespan: 30s', 'd'),
    correlation('type: value_count\nrules: [b]\ntimespan: 1m\ncondition:\n  field: User\n  gte: 3', 'e'),
    correlation('type: temporal\nrules: [c, e]\ntimespan: 2m', 'f'),
    correlation('type: event_count\nrules: [b]\ngroup-by: [User]\ntimespan: 20s\ncondition:\n  eq: 2', 'g'),
  ]
  const { ruleset } = load(...documents)
  const act = fc.tuple(fc.constantFrom('a', 'b'), fc.nat(90), fc.constantFrom('secret-u', 'secret-v', 'secret-w'))
  let fires = 0
  fc.assert(
    fc.property(fc.array(act, { minLength: 15, maxLength: 40 }), fc.nat(15), (acts, stop) => {
      // Mostly forward, now and then back.
      const timed = acts.map(([program, at, user], i): Act => [program, i * 3 + at / 4, user])
      const feedAll = (correlations: ReturnType<typeof createCorrelations>, from: number, to: number) =>
        timed.slice(from, to).flatMap((one, at) => told(feedTo(correlations, ruleset, one, from + at)))
      const whole = createCorrelations(ruleset.correlations)
      const expected = [feedAll(whole, 0, stop), feedAll(whole, stop, timed.length)]
      const before = createCorrelations(ruleset.correlations)
      const early = feedAll(before, 0, stop)
      const kept = JSON.stringify(before.held)
      assert(!kept.includes('secret'))
      const after = createCorrelations(ruleset.correlations)
      for (const held of JSON.parse(kept) as typeof before.held) {
        const newest = timed[held.leaves[0] as number] as Act
        after.hold(held, { event: eventOf(newest), side: {}, timeNs: ns(1_000 + newest[1]) }, held.leaves.map(leafAt))
      }
      assert.deepEqual(after.held, before.held)
      assert.deepEqual([early, feedAll(after, stop, timed.length)], expected)
      fires += expected[1]?.length ?? 0
    }),
    { numRuns: 300 },
  )
  assert(fires > 100, `${fires}`)
})

test('DET-2 a correlation that is wrong is told with line and advice, and leaves the others', () => {
  const body = 'type: event_count\nrules: [a]\ntimespan: 1m\ncondition:\n  gte: 3'
  const rows: [string, RegExp][] = [
    [body.replace('[a]', '[nobody]'), /line 15: RULE_REFERENCE.*nobody/],
    [body.replace('[a]', '[c]'), /RULE_REFERENCE.*"c"/],
    [body.replace('[a]', '[a, a]'), /RULE_SHAPE.*each once/],
    [body.replace('[a]', '[]'), /RULE_SHAPE.*List ids/],
    [body.replace('[a]', `[${Array.from({ length: 17 }, (_, at) => `r${at}`)}]`), /17 rules of 16/],
    [body.replace('event_count', 'value_sum'), /line 14: RULE_SHAPE.*value_sum.*Write event_count/],
    [body.replace('event_count', 'value_count'), /RULE_SHAPE.*Add "field:"/],
    [body.replace('1m', '1y'), /line 16: RULE_SHAPE.*1y.*90m/],
    [body.replace('1m', '31d'), /RULE_SHAPE.*31d/],
    [body.replace('1m', '0s'), /RULE_SHAPE.*0s/],
    [body.replace('gte: 3', 'gte: 201'), /RULE_VALUE.*from 0 to 200/],
    [body.replace('gte: 3', "gte: '3'"), /RULE_VALUE/],
    [body.replace('gte', 'least'), /RULE_SHAPE.*least.*gt, gte/],
    [body.replace('condition:\n  gte: 3', 'condition: a and b'), /RULE_SHAPE.*Write some of/],
    [body.replace('event_count', 'temporal'), /RULE_VALUE.*from 0 to 1/],
    [`${body}\ngroup-by: [Nobody]`, /RULE_FIELD.*Nobody/],
    [`${body}\ngroup-by: [${Array.from({ length: 9 }, () => 'User')}]`, /9 fields of 8/],
    [`${body}\naliases:\n  x:\n    nobody: User`, /RULE_REFERENCE.*nobody/],
    [`${body}\naliases: []`, /RULE_SHAPE/],
  ]
  for (const [text, message] of rows) assert.match(problemOf(rule('a'), correlation(text)), message, text)
  const inner = correlation(body, 'inner')
  const outer = correlation('type: temporal\nrules: [inner]\ngroup-by: [User]\ntimespan: 1m', 'outer')
  assert.match(problemOf(rule('a'), inner, outer), /RULE_FIELD.*Correlation inner groups by nothing/)
  const atEnd = correlation(body.replace('gte', 'lte'), 'inner')
  assert.match(problemOf(rule('a'), atEnd, outer), /RULE_REFERENCE.*"inner".*gt or gte alone/)
  const circle = ['x', 'y'].map((name, at) => correlation(`type: temporal\nrules: [${'yx'[at]}]\ntimespan: 1m`, name))
  const { problems, ruleset } = loadRules([
    { path: 'a.yml', text: [...circle, rule('a'), counting('gte: 3')].join('\n---\n') },
  ])
  assert.deepEqual(
    [problems.map(({ error }) => error.code), ruleset.correlations.map(({ id }) => id)],
    [['RULE_REFERENCE', 'RULE_REFERENCE'], ['c']],
  )
  const tower = Array.from({ length: 5 }, (_, at) =>
    correlation(`type: temporal\nrules: [${at === 0 ? 'a' : `t${at - 1}`}]\ntimespan: 1m`, `t${at}`),
  )
  assert.match(problemOf(rule('a'), ...tower), /RULE_TOO_MANY.*5 deep/)
})

// SPDX-License-Identifier: Apache-2.0
// Falco files as users write and override them, and as nobody should.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { evaluate, loadRules } from '../index.ts'
import { falcoLimits } from '../limits.ts'
import { type Event, fires, firing, golden, load, problemsIn, ruleText } from './sample-files.ts'

const lists = '- list: shells\n  items: [sh, bash]\n- list: programs\n  items: [cat, shells]\n'
const launched = 'evt.type = execve and '

test('DET-2 lists and macros stand for what is in them, and see what was there before', () => {
  assert(fires('process-launch', `${launched} proc.name in (programs, x)`, lists))
  assert(fires('process-launch', `${launched} proc.name in programs`, lists))
  assert(!fires('process-launch', `${launched} proc.name in ("programs")`, lists))
  assert(
    fires(
      'process-launch',
      `${launched} m`,
      '- macro: m\n  condition: proc.name in (later)\n',
      '- list: later\n  items: [cat]\n',
    ),
  )
  // A list sees lists before it alone: of one that comes later it has the name.
  assert(
    !fires('process-launch', `${launched} proc.name in (a)`, '- list: a\n  items: [b]\n- list: b\n  items: [cat]\n'),
  )
  // Items are texts as they are written.
  assert(fires('network-connect', 'fd.sport in (ports)', '- list: ports\n  items: [0443, 443]\n'))
  assert(
    fires('network-connect', 'evt.type = connect and proc.name in (names)', '- list: names\n  items: [true, curl]\n'),
  )
})

test('DET-2 overrides append and replace, the old way and the new, across files', () => {
  const base = `${lists}- macro: m\n  condition: (evt.type = execve)\n${ruleText('m and proc.name in (programs)')}`
  const launch = 'process-launch'
  assert.deepEqual(firing(launch, base), ['R'])
  assert.deepEqual(firing(launch, base, '- list: programs\n  items: [ls]\n'), [])
  assert.deepEqual(firing(launch, base, '- list: programs\n  items: [ls]\n  override:\n    items: replace\n'), [])
  assert.deepEqual(firing(launch, base, '- list: programs\n  items: [ls]\n  override:\n    items: append\n'), ['R'])
  assert.deepEqual(firing(launch, base, '- list: programs\n  items: [ls]\n  append: true\n'), ['R'])
  assert.deepEqual(firing(launch, base, '- macro: m\n  condition: and evt.num = 0\n  append: true\n'), [])
  assert.deepEqual(
    firing(launch, base, '- macro: m\n  condition: and evt.num = 0\n  override: {condition: append}\n'),
    [],
  )
  assert.deepEqual(firing(launch, base, '- macro: m\n  condition: evt.type = connect\n'), [])
  assert.deepEqual(firing(launch, base, '- rule: R\n  condition: and proc.name != cat\n  append: true\n'), [])
  assert.deepEqual(firing(launch, base, '- rule: R\n  condition: or evt.num = 0\n  append: true\n'), ['R'])
  assert.deepEqual(firing(launch, base, '- rule: R\n  enabled: false\n'), [])
  assert.deepEqual(firing(launch, base, '- rule: R\n  enabled: false\n  override: {enabled: replace}\n'), [])
  assert.deepEqual(firing(launch, base, '- rule: R\n  enabled: false\n', '- rule: R\n  enabled: true\n'), ['R'])
  const changed = `- rule: R
  desc: more
  condition: and proc.name = cat
  priority: CRITICAL
  tags: [T1059]
  override: {desc: append, condition: append, priority: replace, tags: append}
`
  const [rule_] = load(base, changed).ruleset.rules
  assert.deepEqual([rule_?.description, rule_?.severity, rule_?.attacks.length], ['d more', 'critical', 1])
})

test('DET-2 files count in the order of their paths, however they are handed over, and those called .local behind the others', () => {
  const files = [
    { path: 'falco_rules.local.yaml', text: '- rule: R\n  enabled: false\n' },
    { path: 'falco_rules.yaml', text: ruleText(`${launched} m`) },
    { path: 'b.yaml', text: '- macro: m\n  condition: n\n' },
    { path: 'a.yaml', text: '- macro: n\n  condition: proc.name = cat\n' },
  ]
  const { ruleset, problems } = loadRules(files)
  assert.deepEqual([ruleset.rules.length, problems.length], [0, 0])
})

test('DET-2 exceptions except what all their fields say, and are appended to', () => {
  const exceptions = `  exceptions:
    - name: by_name
      fields: [proc.name, proc.exepath]
      comps: [=, startswith]
      values:
        - [cat, /opt]
    - name: names
      fields: proc.name
    - name: lists
      fields: [proc.name, proc.pname]
      comps: [in, in]
      values:
        - [[cat, x], [y]]
`
  const base = ruleText('evt.type = execve', exceptions)
  const launch = 'process-launch'
  assert.deepEqual(firing(launch, base), ['R'])
  const appending = (name: string, values: string, way = 'append: true') =>
    firing(launch, lists, base, `- rule: R\n  exceptions:\n    - name: ${name}\n      values: ${values}\n  ${way}\n`)
  assert.deepEqual(appending('by_name', '[[cat, /usr]]'), [])
  assert.deepEqual(appending('by_name', '[[x, /usr]]'), ['R'])
  assert.deepEqual(appending('names', '[x, cat]'), [])
  assert.deepEqual(appending('names', '[programs]'), [])
  assert.deepEqual(appending('lists', '[[[programs], [bash]]]'), [])
  assert.deepEqual(appending('lists', '[["(cat, x)", "(bash)"]]', 'override: {exceptions: append}'), [])
  const more = '- rule: R\n  exceptions:\n    - {name: new, fields: [proc.name], values: [[cat]]}\n  append: true\n'
  assert.deepEqual(firing(launch, base, more), [])
})

test('DET-2 what is wrong is named with path, line and reason, and left out alone', () => {
  const good = ruleText('evt.type = execve', '', 'Good')
  const rows: readonly (readonly [string, RegExp])[] = [
    [ruleText('proc.name ='), /^0\.yaml:3 FALCO_CONDITION .*Write a value/],
    [ruleText('nothing_here'), /^0\.yaml:3 FALCO_CONDITION .*no macro nothing_here.*Define it/],
    ['- macro: shells\n  condition: evt.num = 0\n', /^$/],
    [`- macro: shells\n  condition: evt.num = 0\n${ruleText('shell')}`, /^0\.yaml:5 .*no macro shell.*Write shells/],
    ['- macro: m\n  condition: later\n- macro: later\n  condition: evt.num = 0\n', /^0\.yaml:2 .*no macro later yet/],
    [
      ruleText('evt.type = execve and proc.nme = cat'),
      /^0\.yaml:3 RULE_FIELD .*proc\.nme in the rule R.*Write proc\.name$/,
    ],
    [ruleText('evt.type = execve or fd.nme = cat'), /^0\.yaml:3 RULE_FIELD .*Write fd\.name$/],
    [ruleText('proc.exe_inod = 1'), /RULE_FIELD .*Write proc\.exe_ino$/],
    [
      `- macro: m\n  condition: prco.name = a or user.nam = a\n`,
      /^0\.yaml:2 RULE_FIELD .*user\.nam in the macro m.*Write user\.name$/,
    ],
    [ruleText('user.uid = root'), /^0\.yaml:3 RULE_VALUE .*no number/],
    [ruleText('proc.name > 5'), /^0\.yaml:3 RULE_VALUE .*order of text/],
    [ruleText('fd.sip = 300.1.1.1'), /RULE_VALUE .*no address/],
    [ruleText('evt.failed = yes'), /RULE_VALUE .*true or false/],
    [ruleText('fd.name bcontains xyz'), /RULE_VALUE .*hexadecimal/],
    [ruleText('fd.name glob "@(a|b)"'), /RULE_VALUE .*joined by or/],
    [ruleText('fd.name regex "(?=a)"'), /RULE_REGEX .*linear/],
    [ruleText('evt.num = 0').replace('WARNING', 'LOUD'), /^0\.yaml:6 FALCO_SHAPE .*LOUD.*emergency/],
    [ruleText('evt.num = 0').replace('  desc: d\n', ''), /^0\.yaml:1 FALCO_SHAPE .*Add desc/],
    [ruleText('evt.num = 0', '  tags: x\n'), /FALCO_SHAPE .*list of texts/],
    [ruleText('evt.num = 0', '  enabled: maybe\n'), /FALCO_SHAPE .*true or false/],
    [ruleText('evt.num = 0', '  conditon: x\n'), /^0\.yaml:7 FALCO_SHAPE .*Write condition/],
    ['- rule: R\n  condition: and evt.num = 0\n  append: true\n', /^0\.yaml:1 FALCO_NOT_THERE .*rule R/],
    ['- list: l\n  items: [a]\n  override: {items: append}\n', /FALCO_NOT_THERE .*list l/],
    ['- list: l\n  items: [a]\n  override: {items: append}\n  append: true\n', /^0\.yaml:4 FALCO_SHAPE .*Leave it out/],
    ['- list: l\n  items: [a]\n  override: {items: prepend}\n', /FALCO_SHAPE .*prepend.*append/],
    ['- rule: R\n  priority: INFO\n  override: {priority: append}\n', /FALCO_SHAPE .*or replace/],
    ['- rule: R\n  override: {priority: replace}\n', /FALCO_SHAPE .*Add priority/],
    ['- rule: R\n  desc: x\n  tags: []\n  override: {desc: append}\n', /^0\.yaml:3 FALCO_SHAPE .*Name tags/],
    ['- macro: 5m\n  condition: evt.num = 0\n', /FALCO_SHAPE .*Write a name/],
    ['- list: l\n  items: x\n', /FALCO_SHAPE .*list of texts/],
    ['- what: l\n', /FALCO_SHAPE .*Begin with rule/],
    ['- text\n', /FALCO_SHAPE .*Write members/],
    ['- rule: R\n  rule: S\n', /^0\.yaml:2 RULE_YAML .*line 2.*rule twice/],
    ['- &a x\n- *a\n', /RULE_YAML .*alias/],
    ['- [', /RULE_YAML/],
    [ruleText('evt.num = 0', '  exceptions: [{fields: proc.name}]\n'), /FALCO_SHAPE .*Add name/],
    [ruleText('evt.num = 0', '  exceptions: [{name: a, comps: in}]\n'), /FALCO_SHAPE .*fields beside/],
    [
      ruleText('evt.num = 0', '  exceptions: [{name: a, fields: proc.name, comps: =}]\n'),
      /FALCO_SHAPE .*in, intersects/,
    ],
    [ruleText('evt.num = 0', '  exceptions: [{name: a, fields: [fd.name], comps: [is]}]\n'), /FALCO_SHAPE .*operator/],
    [
      ruleText('evt.num = 0', '  exceptions: [{name: a, fields: [fd.name], values: [[a, b]]}]\n'),
      /CONDITION .*2 values for 1/,
    ],
    [
      ruleText('evt.num = 0', '  exceptions: [{name: a, fields: [name], values: [[a]]}]\n'),
      /FALCO_CONDITION .*Write a field/,
    ],
    [ruleText('evt.num = 0', '  exceptions: [{name: a}, {name: a}]\n'), /FALCO_SHAPE .*called a/],
  ]
  for (const [text, message] of rows) {
    assert.match(problemsIn(`${text}${text.endsWith('\n') ? '' : '\n'}`).join('\n'), message, text)
    assert(load(text, good).ruleset.rules.some(({ title }) => title === 'Good'))
  }
})

test('DET-2 fields that Falco has, that end as people like, or that plugins bring are no mistakes', () => {
  for (const field of [
    'proc.vpid',
    'fd.nameraw',
    'evt.arg.nmae',
    'ka.user.name',
    'jevt.time',
    'k8s.pod.nam',
    'proc.something_new',
  ])
    assert.deepEqual(problemsIn(ruleText(`${field} = 1`)), [], field)
})

test('DET-2 an override that is wrong is left out, and the rule stays as it was', () => {
  const base = ruleText('evt.type = execve')
  const broken = '- rule: R\n  condition: and (\n  append: true\n'
  assert.match(problemsIn(base, broken).join(), /^1\.yaml:2 FALCO_CONDITION/)
  assert.equal(evaluate(load(base, broken).ruleset, golden('process-launch')).length, 1)
})

test('DET-2 hostile Falco files are refused by a limit with a name', () => {
  const doubled = Array.from({ length: 40 }, (_, i) => `- macro: m${i + 1}\n  condition: m${i} and m${i}\n`).join('')
  const tripled = Array.from({ length: 20 }, (_, i) => `- list: l${i + 1}\n  items: [l${i}, l${i}, l${i}]\n`).join('')
  const start = '- macro: m0\n  condition: evt.num = 0\n'
  const chained = Array.from({ length: 400 }, (_, i) => `- macro: m${i + 1}\n  condition: not m${i}\n`).join('')
  const circle = '- macro: a\n  condition: m0\n- macro: b\n  condition: a\n- macro: a\n  condition: b\n'
  const many = (count: number, one: string) => Array.from({ length: count }, () => one).join('')
  const long = `- list: l\n  items: [${many(falcoLimits.itemsMax, 'a,')}]\n`
  const rows: readonly (readonly [string, RegExp])[] = [
    [`- list: l\n  items: [${many(1_000_000, 'a,')}]\n`, /RULE_TOO_LARGE .*2000022 of 524288/],
    [`- list: l\n  items: [${many(20_000, 'a,')}]\n`, /RULE_TOO_MANY .*20000 of 16384 items/],
    [`- ${Array.from({ length: 9_999 }, (_, i) => `k${i}: x`).join('\n  ')}\n`, /RULE_TOO_MANY .*9999 of 64 members/],
    [many(9_000, '- x\n'), /RULE_TOO_MANY .*9000 of 8192 elements/],
    [ruleText(many(10_000, '(')), /FALCO_CONDITION .*nested deeper than 64/],
    [ruleText(many(9_000, 'not ')), /FALCO_CONDITION .*longer than 32768/],
    [`- ${many(100_000, '[')}`, /RULE_YAML/],
    [start + doubled + ruleText('m40'), /FALCO_CONDITION .*more than 8192 checks/],
    [start + chained + ruleText('m400'), /FALCO_CONDITION .*nested deeper than 256/],
    [start + circle + ruleText('a'), /FALCO_CONDITION .*a is b is a.*circle/],
    [tripled + ruleText('proc.name in (l20)'), /FALCO_CONDITION .*more than 16384 items/],
    [long + Array.from({ length: 20 }, (_, i) => ruleText('proc.name in (l)', '', `R${i}`)).join(''), /262144 values/],
  ]
  for (const [text, message] of rows) assert.match(problemsIn(text).join('\n'), message, text.slice(0, 60))
})

test('DET-2 any Falco file is loaded or named, and any event is judged without an exception', () => {
  const events = ['process-launch', 'file-update', 'network-connect', 'process-inject'].map(golden)
  const words = [
    '- rule: R',
    '- macro: m',
    '- list: l',
    '  condition: m and proc.name in (l)',
    '  items: [a, "b"]',
    '  append: true',
  ]
  const more = [
    '  desc: d',
    '  output: o',
    '  priority: INFO',
    '  exceptions:',
    '    - name: x',
    '      values: [[a]]',
    '  override: {items: append}',
  ]
  const lines = fc.array(fc.oneof(fc.constantFrom(...words, ...more), fc.string({ maxLength: 20 })), { maxLength: 20 })
  fc.assert(
    fc.property(lines, fc.anything(), (lines, anything) => {
      const { ruleset } = load(
        `- rule: S\n${lines.join('\n')}\n`,
        ruleText('evt.type = execve and proc.cmdline contains x'),
      )
      for (const event of events) {
        evaluate(ruleset, event)
        evaluate(ruleset, { ...event, process: anything, actor: anything, unmapped: anything } as Event)
      }
    }),
    { numRuns: 300 },
  )
})

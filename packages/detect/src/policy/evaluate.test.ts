// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type PolicyDocument, type PolicyDraft, policyDocument, validatePolicy } from '@sealwatch/contract/policy'
import fc from 'fast-check'
import { compilePolicy, evaluatePolicy, openPolicy } from '../index.ts'

const vectors = join(import.meta.dirname, '../../../../vectors')
const read = (path: string): unknown => JSON.parse(readFileSync(join(vectors, path), 'utf8'))
type Event = Record<string, unknown>

const judged = (draft: PolicyDraft, event: object, options = {}) =>
  evaluatePolicy(compilePolicy(policyDocument.parse(draft)), event, options)
const effects = (draft: PolicyDraft, event: object, options = {}) =>
  judged(draft, event, options).map(({ effect, rule }) => `${effect} ${rule}`)

test('POL-2 every policy says of every event what it always said', () => {
  const { now_ms: nowMs, rows } = read('policies/decisions.json') as {
    now_ms: number
    rows: { policy: string; event: string; decisions: string[] }[]
  }
  assert.ok(rows.length > 30)
  for (const { policy, event, decisions } of rows) {
    const accepted = validatePolicy(read(`policies/good/${policy}`)).policy as PolicyDocument
    const found = evaluatePolicy(compilePolicy(accepted), read(event) as Event, { nowMs })
    const told = found.map(({ effect, rule, key, reasons }) => {
      const why = reasons.map(({ member, pattern, attribute }) => `${member} ${pattern} ${attribute}`).join('; ')
      return `${effect} ${rule}${key === undefined ? '' : ` (${key})`}: ${why}`
    })
    assert.deepEqual(told, decisions, `${policy} ${event}`)
  }
})

const launch = read('events/process-launch.json') as Event
const shells = (more: object = {}): PolicyDraft => ({
  type: 'process',
  name: 'x',
  rules: [
    { id: 'ann', action: 'allow', executables: ['/usr/bin/cat'], users: ['ann'] },
    { id: 'cat', action: 'deny', executables: ['/usr/bin/cat'] },
  ],
  ...more,
})

test('the first rule that matches decides, and the default where none does', () => {
  assert.deepEqual(effects(shells(), launch), ['deny cat'])
  const [ann, cat] = shells().rules as never[]
  assert.deepEqual(effects(shells({ rules: [cat, ann] }), launch), ['deny cat'])
  assert.deepEqual(effects(shells({ rules: [] }), launch), ['allow null'])
  assert.deepEqual(effects(shells({ rules: [], default: 'deny' }), launch), ['deny null'])
})

test('a policy judges the events and the hosts it is for, and none when it is not enabled', () => {
  assert.deepEqual(effects(shells({ enabled: false }), launch), [])
  assert.deepEqual(effects(shells({ hosts: ['db-*'] }), launch), [])
  assert.deepEqual(effects(shells({ hosts: ['web-?'] }), launch), ['deny cat'])
  assert.deepEqual(effects(shells({ hosts: ['0c4f2a53f4f64e17a4f4b8a9d8f3c1aa'] }), launch), ['deny cat'])
  for (const name of ['process-terminate', 'file-read', 'gap', 'agent-started', 'finding-create'])
    assert.deepEqual(effects(shells(), read(`events/${name}.json`) as Event), [], name)
})

test('a name that is sealed decides nothing until it is opened', () => {
  const commitment = `commit:${'0'.repeat(64)}`
  const sealed = { ...launch, actor: { ...(launch.actor as object), user: { uid: '1000', name: commitment } } }
  assert.deepEqual(effects(shells(), sealed), ['undecided ann'])
  const side = (value: string) => ({ side: { '/event/actor/user/name': { salt: '', value } } })
  assert.deepEqual(effects(shells(), sealed, side('ann')), ['allow ann'])
  assert.deepEqual(effects(shells(), sealed, side('bob')), ['deny cat'])
  const [decision] = judged(shells(), sealed, side('ann'))
  assert.ok(
    !JSON.stringify(decision?.reasons.map(({ value }) => value)).includes('ann'),
    'what is told is as the line has it',
  )
  assert.equal(compilePolicy(policyDocument.parse(shells())).asksNames, true)
  const numbers = shells({ rules: [{ id: 'n', action: 'deny', users: [1000] }] })
  assert.equal(compilePolicy(policyDocument.parse(numbers)).asksNames, false)
  assert.deepEqual(effects(numbers, sealed), ['deny n'])
})

test('a rule about what no event tells leaves undecided what turns on it, and nothing else', () => {
  const units = shells({
    rules: [
      { id: 'backup', action: 'allow', executables: ['/usr/bin/cat'], units: ['backup.service'] },
      { id: 'nc', action: 'allow', executables: ['/usr/bin/nc'], units: ['backup.service'] },
      { id: 'all', action: 'deny', executables: ['/**'] },
    ],
  })
  assert.deepEqual(effects(units, launch), ['undecided backup'])
  const other = shells({
    rules: [
      { id: 'nc', action: 'allow', executables: ['/usr/bin/nc'], units: ['b.service'] },
      { id: 'all', action: 'deny', executables: ['/**'] },
    ],
  })
  assert.deepEqual(effects(other, launch), ['deny all'])
  const same = shells({
    rules: [
      { id: 'b', action: 'deny', units: ['b.service'] },
      { id: 'all', action: 'deny', executables: ['/**'] },
    ],
  })
  assert.deepEqual(effects(same, launch), ['deny all'], 'either way it is denied')
})

test('POL-2 a datagram that this host began is judged as a connection is, other traffic is not', () => {
  const datagram = read('events/network-datagram.json') as Event
  const deny: PolicyDraft = {
    type: 'network',
    name: 'x',
    rules: [{ id: 'udp', action: 'deny', direction: 'outbound', protocols: ['udp'] }],
  }
  assert.deepEqual(effects(deny, datagram), ['deny udp'])
  assert.deepEqual(effects(deny, { ...datagram, unmapped: { ...(datagram.unmapped as object), initiated: false } }), [])
})

test('POL-2 a host opens what it was told; what it does not understand it follows in no part', () => {
  const told = (policy: object) => openPolicy(JSON.stringify(policy))
  for (const name of ['network', 'file', 'process', 'smallest']) {
    const { policy } = validatePolicy(read(`policies/good/${name}.json`))
    assert(policy !== undefined)
    const isForHosts = ['network', 'file', 'process'].includes(policy.type)
    assert.deepEqual(told(policy)?.policy, isForHosts ? compilePolicy(policy).policy : undefined, name)
    if (!isForHosts) continue
    for (const strange of [
      { ...policy, later: 1 },
      { ...policy, enabled: 'yes' },
      { ...policy, mode: 'ask' },
      { ...policy, rules: [...policy.rules, { id: 'x', action: 'ask', may: 1 }] },
      {
        ...policy,
        rules: policy.rules.map((rule) => ({ ...rule, weekdays: ['sunday'] })).concat([{ id: 'y' } as never]),
      },
      { ...policy, rules: undefined },
    ])
      assert.equal(told(strange), undefined, JSON.stringify(strange).slice(0, 200))
  }
  for (const text of [
    '',
    '[]',
    'null',
    '{"type":"constructor"}',
    '{"type":"retention","name":"x","enabled":true,"rules":[]}',
  ])
    assert.equal(openPolicy(text), undefined)
})

const fileRead = read('events/file-read.json') as Event
const fileRule = (may: object[], more: object = {}): PolicyDraft => ({
  type: 'file',
  name: 'x',
  rules: [{ id: 'shadow', paths: ['/etc/shadow'], may, ...more } as never],
})

test('a file is known by what is watched, whatever name it is opened by', () => {
  const renamed = { ...fileRead, file: { ...(fileRead.file as object), path: '/tmp/innocent' } }
  assert.deepEqual(effects(fileRule([]), renamed), ['deny shadow'])
  assert.deepEqual(effects(fileRule([{ executables: ['/usr/bin/cat'] }]), renamed), ['allow shadow'])
  assert.deepEqual(effects(fileRule([{ executables: ['/usr/bin/cat'], users: [99] }]), renamed), ['deny shadow'])
  assert.deepEqual(effects(fileRule([{ users: [99] }, { executables: ['/usr/bin/cat'] }]), renamed), ['allow shadow'])
  assert.deepEqual(effects(fileRule([{ units: ['x.service'] }]), renamed), ['undecided shadow'])
  assert.deepEqual(effects(fileRule([], { operations: ['write'] }), renamed), [])
})

const finding = read('events/finding-create.json') as Event
const ruleId = (finding.finding_info as { analytic: { uid: string } }).analytic.uid

test('thresholds, exceptions and scores of findings', () => {
  const policy = (rules: object[]): PolicyDraft => ({ type: 'detection', name: 'x', rules: rules as never })
  const exception = { id: 'e', kind: 'exception', detections: [ruleId], reason: 'known', until: '2027-01-01T00:00:00Z' }
  const before = { nowMs: Date.UTC(2026, 11, 31) }
  assert.deepEqual(effects(policy([exception]), finding, before), ['except e'])
  assert.deepEqual(effects(policy([exception]), finding, { nowMs: Date.UTC(2027, 0, 1) }), [])
  assert.deepEqual(effects(policy([{ ...exception, detections: ['other'] }]), finding, before), [])
  const severity = finding.severity_id as number
  const names = ['informational', 'low', 'medium', 'high', 'critical']
  const from = (at: number) => policy([{ id: 't', kind: 'threshold', alert_from: names[at - 1] }])
  assert.deepEqual(effects(from(severity), finding), ['alert t'])
  assert.deepEqual(effects(from(severity + 1), finding), ['quiet t'])
  const counted = policy([{ id: 'c', kind: 'threshold', count: 3, within_seconds: 60 }])
  assert.deepEqual(
    judged(counted, finding).map(({ effect, key }) => [effect, key]),
    [['count', (finding.device as { uid: string }).uid]],
  )
  const scored = policy([{ id: 's', kind: 'threshold', scores: { record: 10, alert: 50, block: 90 } }])
  assert.deepEqual(effects(scored, finding), ['undecided s'])
  for (const [risk_score, due] of [
    [5, 'quiet'],
    [10, 'record'],
    [50, 'alert'],
    [99, 'block'],
  ] as const)
    assert.deepEqual(effects(scored, { ...finding, risk_score }), [`${due} s`])
})

const value = {
  users: fc.constantFrom('root', 'ann', 0, 1000),
  path: fc.constantFrom('/usr/bin/cat', '/usr/bin/*', '/usr/**', '/**', '/bin/sh', '/tmp/*', '/**/cat'),
  command: fc.constantFrom('cat *', 'cat /etc/hostname', '*', 'sh -c ?', 'ls'),
}
const some = <T>(inner: fc.Arbitrary<T>) => fc.uniqueArray(inner, { minLength: 1, maxLength: 3 })
const processRule = fc.record(
  {
    action: fc.constantFrom('allow', 'deny'),
    executables: some(value.path),
    command_lines: some(value.command),
    ancestors: some(value.path),
    users: some(value.users),
    units: fc.constant<string[]>(['x.service']),
  },
  { requiredKeys: ['action'] },
)
const policyOf = fc.tuple(fc.array(processRule, { minLength: 1, maxLength: 6 }), fc.constantFrom('allow', 'deny')).map(
  ([rules, otherwise]) =>
    ({
      type: 'process',
      name: 'x',
      default: otherwise,
      rules: rules.map((rule, at) => ({ id: `r${at}`, ...rule })),
    }) as PolicyDraft,
)
const eventOf = fc
  .record({
    image: fc.constantFrom('/usr/bin/cat', '/bin/sh', '/tmp/x', '/usr/local/bin/cat'),
    command: fc.constantFrom('cat /etc/hostname', 'sh -c x', 'cat', 'ls'),
    ancestor: fc.constantFrom('/usr/bin/bash', '/bin/sh', '/tmp/y'),
    user: fc.constantFrom({ uid: '0', name: 'root' }, { uid: '1000', name: 'ann' }, { uid: '7', name: 'lp' }),
  })
  .map(({ image, command, ancestor, user }) => ({
    class_uid: 1007,
    activity_id: 1,
    metadata: {},
    device: { uid: 'h', hostname: 'web-1' },
    actor: {
      process: {
        ancestry: [
          { pid: 9, path: ancestor },
          { pid: 1, path: '/sbin/init' },
        ],
      },
      user,
    },
    process: { file: { path: image }, cmd_line: command },
    unmapped: { filename: image },
  }))

test('a rule that validation calls unreachable never decides', () => {
  let unreachable = 0
  fc.assert(
    fc.property(policyOf, fc.array(eventOf, { minLength: 6, maxLength: 6 }), (draft, events) => {
      const silent = validatePolicy(draft)
        .validation.problems.filter(({ code }) => code === 'unreachable' || code === 'contradiction')
        .map(({ path }) => `r${path.split('/')[2]}`)
      unreachable += silent.length
      const compiled = compilePolicy(policyDocument.parse(draft))
      for (const event of events)
        for (const { rule, effect } of evaluatePolicy(compiled, event))
          assert.ok(
            effect === 'undecided' || rule === null || !silent.includes(rule),
            `${rule} decides, and was called silent`,
          )
    }),
    { seed: 1, numRuns: 2_000 },
  )
  assert.ok(unreachable > 300, `${unreachable} rules`)
})

/** Paths of members that rules ask for. */
const members = [
  'actor/process/ancestry',
  'actor/user/uid',
  'actor/user/name',
  'process/file/path',
  'process/cmd_line',
  'unmapped/filename',
  'device/hostname',
]

test('what an event leaves out never turns a decision round: it stays, or becomes undecided', () => {
  let changed = 0
  fc.assert(
    fc.property(policyOf, eventOf, fc.subarray(members), (draft, event, left) => {
      const compiled = compilePolicy(policyDocument.parse(draft))
      const [whole] = evaluatePolicy(compiled, event)
      const poorer = structuredClone(event) as Event
      for (const path of left) {
        const steps = path.split('/')
        const holder = steps.slice(0, -1).reduce((at, step) => at[step] as Event, poorer)
        delete holder[steps.at(-1) as string]
      }
      const [partial] = evaluatePolicy(compiled, poorer)
      if (partial?.effect === 'undecided') changed += 1
      else assert.equal(partial?.effect, whole?.effect)
    }),
    { seed: 1, numRuns: 5_000 },
  )
  assert.ok(changed > 100)
})

test('events of any form are judged', () => {
  const policies = ['network', 'file', 'process', 'detection', 'response', 'retention'].map((name) =>
    compilePolicy(validatePolicy(read(`policies/good/${name}.json`)).policy as PolicyDocument),
  )
  const classes = fc.constantFrom(1001, 1007, 2004, 4001, 'x', null)
  const odd = fc.dictionary(
    fc.constantFrom('actor', 'process', 'device', 'file', 'unmapped', 'evidences', 'activity_id', 'time'),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(classes, odd, fc.constantFrom(1, 'constructor'), (class_uid, members, word) => {
      const named = { unmapped: { access: word }, connection_info: { protocol_num: word, direction_id: word } }
      for (const policy of policies) evaluatePolicy(policy, { class_uid, activity_id: word, ...named, ...members })
    }),
    { seed: 1, numRuns: 1_000 },
  )
})

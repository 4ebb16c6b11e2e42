// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import {
  type PolicyDraft,
  policyLimits,
  policySchema,
  policyTypes,
  recordMembers,
  resolveLists,
  validatePolicy,
} from './index.ts'

const vectors = join(import.meta.dirname, '../../../../vectors/policies')
const nowMs = Date.UTC(2026, 10, 21)
const read = (path: string) => readFileSync(join(vectors, path), 'utf8')
const names = (folder: string) => readdirSync(join(vectors, folder)).sort()
const good = names('good').map((name) => ({ name, text: read(`good/${name}`) }))

test('POL-2 every good policy is accepted, and its canonical form never changes', () => {
  const due = JSON.parse(read('good.json')) as Record<string, string>
  assert.deepEqual(Object.keys(due), names('good'))
  for (const { name, text } of good) {
    const { policy, validation } = validatePolicy(text, { nowMs })
    assert.deepEqual(validation, { ok: true, problems: [], omitted: 0 }, name)
    assert.equal(hash('sha256', canonicalize(policy) as string), due[name], name)
  }
  const types = new Set(good.map(({ text }) => validatePolicy(text).policy?.type))
  assert.deepEqual([...types].sort(), policyTypes.toSorted())
})

test('POL-2 every bad policy is refused with all that is wrong, and where', () => {
  const due = JSON.parse(read('bad.json')) as Record<string, string[]>
  assert.deepEqual(Object.keys(due), names('bad'))
  for (const name of names('bad')) {
    const { policy, validation } = validatePolicy(read(`bad/${name}`), { nowMs })
    assert.equal(policy, undefined, name)
    const found = validation.problems.map((p) => `${p.line}:${p.column} ${p.severity} ${p.code} ${p.path}`)
    assert.deepEqual(found, due[name], name)
    for (const { rule, suggestion } of validation.problems) assert.ok(rule.length > 5 && suggestion.length > 5, name)
  }
})

const codesIn = (input: unknown) =>
  validatePolicy(input, { nowMs }).validation.problems.map(({ code, path }) => `${code} ${path}`)

test('POL-2 of a policy that is to be enforced, what no host can refuse is said, and where; of one that observes nothing', () => {
  const files = {
    type: 'file',
    name: 'x',
    rules: [
      {
        id: 'keys',
        paths: ['/srv/key', '/srv/*', '/srv/**', '/srv/*.key'],
        operations: ['read', 'rename'],
        may: [{ executables: ['/usr/bin/a', '/opt/*'] }],
      },
    ],
  }
  const programs = {
    type: 'process',
    name: 'x',
    default: 'deny',
    rules: [
      { id: 'a', action: 'allow', executables: ['/usr/bin/a'], ancestors: ['/usr/sbin/sshd'] },
      { id: 'b', action: 'deny', executables: ['/usr/bin/*sh', '/tmp/**'], command_lines: ['* -x'] },
    ],
  }
  const enforced = (policy: object) => codesIn({ ...policy, mode: 'enforce' })
  assert.deepEqual([codesIn(files), codesIn(programs)], [[], []])
  assert.deepEqual(enforced(files), [
    'told_alone /rules/0/paths/3',
    'told_alone /rules/0/may/0/executables/1',
    'told_alone /rules/0/operations/1',
  ])
  assert.deepEqual(enforced(programs), [
    'told_alone /rules/1/executables/0',
    'told_alone /default',
    'told_alone /rules/1/command_lines',
  ])
  assert.deepEqual(
    enforced({
      type: 'file',
      name: 'x',
      lists: { paths: { k: ['/srv/k?'] } },
      rules: [{ id: 'k', paths: ['@k'], may: [] }],
    }),
    ['told_alone /lists/paths/k/0'],
  )
})

test('a value is judged as its text is', () => {
  for (const name of [...names('good').map((each) => `good/${each}`), ...names('bad').map((each) => `bad/${each}`)]) {
    const text = read(name)
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      continue
    }
    if (/duplicate|deep|surrogate/.test(name)) continue
    assert.deepEqual(codesIn(value).sort(), codesIn(text).sort(), name)
  }
})

test('what the server adds to a policy may be written back with it', () => {
  const policy = JSON.parse(read('good/network.json')) as object
  const record = { ...Object.fromEntries(recordMembers.map((name) => [name, 'x'])), ...policy }
  assert.deepEqual(validatePolicy(record).policy, validatePolicy(policy).policy)
})

test('a suggestion names what was meant', () => {
  const { problems } = validatePolicy(read('bad/typo.json')).validation
  for (const meant of ['"enabled"', '"addresses"', '"allow"', '"outbound"', '"ports"', '"database"', '"tcp"'])
    assert.ok(
      problems.some(({ suggestion }) => suggestion.includes(meant)),
      meant,
    )
})

test('however a good policy is spoilt, it is judged, and every problem stands somewhere in it', () => {
  const document = fc.constantFrom(...good.map(({ text }) => JSON.parse(text) as PolicyDraft))
  const path = fc.array(fc.nat(40), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(document, path, fc.jsonValue(), (draft, steps, put) => {
      const spoilt = bend(draft, steps, put)
      const { policy, validation } = validatePolicy(spoilt, { nowMs })
      assert.equal(policy === undefined, !validation.ok)
      assert.equal(validation.ok, !validation.problems.some(({ severity }) => severity === 'error'))
      const text = JSON.stringify(spoilt, undefined, 1)
      const told = validatePolicy(text, { nowMs }).validation
      assert.equal(told.ok, validation.ok)
      for (const { line, column } of told.problems) assert.ok(line !== undefined && column !== undefined)
      if (policy !== undefined)
        assert.deepEqual(validatePolicy(policy, { nowMs }).policy, policy, 'a normal form stays as it is')
    }),
    { seed: 1, numRuns: 1_000 },
  )
})

function bend(value: unknown, [step = 0, ...rest]: readonly number[], put: unknown): unknown {
  if (typeof value !== 'object' || value === null) return put
  const members = Object.entries(value)
  if (members.length === 0) return put
  const bent = members.map(([name, inner], at) => [
    name,
    at === step % members.length ? (rest.length > 0 ? bend(inner, rest, put) : put) : inner,
  ])
  return Array.isArray(value) ? bent.map(([, inner]) => inner) : Object.fromEntries(bent)
}

test('no JSON, and no text, makes it throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => void validatePolicy(value)),
    { seed: 1, numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void validatePolicy(text)),
    { seed: 1, numRuns: 500 },
  )
})

const rulesOf = (count: number, ruleAt: (index: number) => object) => ({
  type: 'network',
  name: 'Many rules',
  rules: Array.from({ length: count }, (_, index) => ({ id: `r${index}`, action: 'deny', ...ruleAt(index) })),
})
const addressAt = (index: number) => `10.${index >> 8}.${index & 255}.0/24`

test('a policy of the largest size is accepted, one that is larger is not read', () => {
  const full = rulesOf(policyLimits.rulesMax, (index) => ({ addresses: [addressAt(index)] }))
  assert.deepEqual(codesIn(full), [])
  assert.deepEqual(codesIn(rulesOf(policyLimits.rulesMax + 1, (index) => ({ addresses: [addressAt(index)] }))), [
    'too_many /rules',
  ])
  const text = JSON.stringify(full)
  const padded = text + ' '.repeat(policyLimits.textBytesMax - text.length)
  assert.deepEqual(codesIn(padded), [])
  assert.deepEqual(codesIn(`${padded} `), ['too_large '])
  assert.deepEqual(codesIn('x'.repeat(1_000_000)), ['too_large '])
  assert.deepEqual(codesIn({ ...full, description: 'é'.repeat(policyLimits.textBytesMax) }), ['too_large '])
})

test('problems are told up to a number, errors first, and the others are counted', () => {
  const many = rulesOf(300, (index) => ({ addresses: ['10.0.0.0/8', '10.1.0.0/16'], ports: [index < 250 ? 443 : 0] }))
  const { problems, omitted } = validatePolicy(many).validation
  assert.equal(problems.length, policyLimits.problemsMax)
  assert.equal(problems.filter(({ severity }) => severity === 'error').length, 50)
  assert.ok(omitted > 100)
})

test('what is wrong many times over is counted, and put into words a few times', () => {
  const members = Array.from({ length: 15_000 }, (_, at) => `"k${at}":1`).join(',')
  const { problems, omitted } = validatePolicy(`{"type":"file","name":"x","rules":[],${members}}`).validation
  assert.deepEqual([problems.length, omitted], [100, 14_900])
  assert.deepEqual([problems[0]?.path, problems[0]?.line, problems[0]?.column], ['/k0', 1, 38])
  const twice = Array<string>(15_000).fill('"name":"x"').join(',')
  const doubled = validatePolicy(`{"type":"file","rules":[],${twice}}`).validation
  assert.deepEqual([doubled.problems.length, doubled.omitted], [100, 14_899])
})

test('lists that name each other many times over are read once each', () => {
  const addresses: Record<string, string[]> = { l0: ['192.0.2.1'] }
  for (let at = 1; at < 60; at += 1) addresses[`l${at}`] = [`@l${at - 1}`, `@l${at - 1}`, `@l${at - 1}`]
  const policy = { ...rulesOf(1, () => ({ addresses: ['@l59'] })), lists: { addresses } }
  const { policy: accepted } = validatePolicy(policy)
  assert.ok(accepted?.type === 'network')
  assert.deepEqual(resolveLists(accepted).rules[0]?.addresses, ['192.0.2.1'])
})

test('rules that name too many values through their lists are refused', () => {
  const hosts = Array.from({ length: 4_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
  const policy = {
    ...rulesOf(6, (index) => ({ addresses: ['@all'], ports: [index + 1] })),
    lists: { addresses: { all: hosts } },
  }
  assert.ok(codesIn(policy).includes('too_many /rules'))
})

test('where comparing rules would take too long, that is said', () => {
  const policy = {
    type: 'process',
    name: 'Patterns',
    rules: Array.from({ length: 400 }, (_, index) => ({
      id: `r${index}`,
      action: 'deny',
      executables: Array.from({ length: 20 }, (_each, at) => `/*x${index}/y${at}*`),
    })),
  }
  assert.ok(codesIn(policy).some((code) => code.startsWith('not_compared')))
})

test('the published schema says what is required, and where defaults are', () => {
  const { oneOf = [] } = policySchema()
  assert.equal(oneOf.length, policyTypes.length)
  for (const schema of oneOf) {
    assert.deepEqual(schema.required?.toSorted(), ['name', 'rules', 'type'])
    assert.equal(schema.additionalProperties, false)
  }
})

test('POL-2 one slip is one problem', () => {
  const text = '{"type":"network","name":"x","rulez":[{"id":"a","action":"deny","ports":[22]}]}'
  assert.deepEqual(
    validatePolicy(text).validation.problems.map(({ code, path, suggestion }) => [code, path, suggestion]),
    [['unknown_member', '/rulez', 'Did you mean "rules"?']],
  )
  const none = validatePolicy('{"type":"network","name":"x","colour":[]}').validation.problems
  assert.deepEqual(none.map(({ code }) => code).sort(), ['missing_member', 'unknown_member'])
})

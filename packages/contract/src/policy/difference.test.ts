// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { describeDifference, type PatchOperation, patchBetween } from './difference.ts'

type Rows = Record<string, unknown>

/** RFC 6902, by its words, over a copy. */
function apply(document: unknown, patch: readonly PatchOperation[]): unknown {
  const holder = { root: structuredClone(document) } as Rows
  const stepsOf = (path: string) => [
    'root',
    ...path
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~')),
  ]
  const above = (steps: readonly string[]) => steps.slice(0, -1).reduce<Rows>((at, step) => at[step] as Rows, holder)
  const take = (path: string): unknown => {
    const steps = stepsOf(path)
    const [parent, name] = [above(steps), steps.at(-1) as string]
    assert.ok(Object.hasOwn(parent, name), `nothing at ${path}`)
    if (Array.isArray(parent)) return parent.splice(Number(name), 1)[0]
    const value = parent[name]
    delete parent[name]
    return value
  }
  const put = (path: string, value: unknown) => {
    const steps = stepsOf(path)
    const [parent, name] = [above(steps), steps.at(-1) as string]
    if (Array.isArray(parent)) {
      assert.ok(Number(name) <= parent.length, `beyond the end: ${path}`)
      parent.splice(Number(name), 0, value)
    } else parent[name] = value
  }
  for (const operation of patch) {
    if (operation.op === 'move') put(operation.path, take(operation.from))
    else {
      if (operation.op !== 'add') take(operation.path)
      if (operation.op !== 'remove') put(operation.path, structuredClone(operation.value))
    }
  }
  return holder.root
}

const rule = fc.record(
  {
    action: fc.constantFrom('allow', 'deny'),
    ports: fc.uniqueArray(fc.nat(5), { maxLength: 4 }),
    'a/b~c': fc.boolean(),
  },
  { requiredKeys: ['action'] },
)
const document = fc.record(
  {
    name: fc.constantFrom('one', 'two'),
    rules: fc.uniqueArray(
      fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), rule).map(([id, rest]) => ({ id, ...rest })),
      { selector: ({ id }) => id, maxLength: 5 },
    ),
    lists: fc.dictionary(fc.constantFrom('x', 'y'), fc.array(fc.constantFrom('1', '2', '3'), { maxLength: 4 })),
    other: fc.jsonValue({ maxDepth: 2 }),
  },
  { requiredKeys: ['name', 'rules'] },
)

test('POL-2 a patch makes the later document of the earlier one, and what is described is what differs', () => {
  fc.assert(
    fc.property(document, document, (before, after) => {
      const patch = patchBetween(before, after)
      assert.deepEqual(JSON.parse(JSON.stringify(apply(before, patch))), JSON.parse(JSON.stringify(after)))
      assert.equal(describeDifference(before, after).length > 0, patch.length > 0)
      assert.deepEqual(patchBetween(after, structuredClone(after)), [])
    }),
    { seed: 1, numRuns: 2_000 },
  )
})

test('a patch says no more than what was done', () => {
  const one = { id: 'one', action: 'deny', ports: [22, 23] }
  const two = { id: 'two', action: 'deny', ports: [80] }
  assert.deepEqual(patchBetween({ rules: [one, two] }, { rules: [two, { ...one, ports: [22, 24] }] }), [
    { op: 'move', from: '/rules/1', path: '/rules/0' },
    { op: 'remove', path: '/rules/1/ports/1' },
    { op: 'add', path: '/rules/1/ports/1', value: 24 },
  ])
})

test('where much came, went or moved, an array is replaced', () => {
  const list = (count: number, of = 'v') => Array.from({ length: count }, (_, at) => `${of}${at}`)
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [list(80), list(80).reverse()],
    [list(80), list(80, 'w')],
    [list(80), []],
    [[], list(80)],
  ]
  for (const [before, after] of cases) {
    assert.deepEqual(patchBetween({ before }, { before: after }), [{ op: 'replace', path: '/before', value: after }])
    assert.deepEqual(apply(before.slice(0, 30), patchBetween(before.slice(0, 30), after.slice(-30))), after.slice(-30))
  }
})

test('differences read as a person would say them', () => {
  const before = {
    name: 'Web',
    enabled: true,
    lists: { addresses: { db: ['10.0.0.1'] } },
    rules: [
      { id: 'a', action: 'allow', ports: [80, 443] },
      { id: 'b', action: 'deny', users: ['root'] },
      { id: 'c', action: 'deny', ports: [22] },
    ],
  }
  const after = {
    name: 'Web servers',
    enabled: true,
    lists: { addresses: { db: ['10.0.0.1', '10.0.0.2'] } },
    rules: [
      { id: 'c', action: 'deny', ports: [22] },
      { id: 'a', action: 'deny', ports: [443, 8443] },
      { id: 'd', action: 'deny', ports: [23] },
    ],
  }
  assert.deepEqual(
    describeDifference(before, after).map(({ sign, text }) => `${sign} ${text}`),
    [
      '~ name "Web" -> "Web servers"',
      '~ lists.addresses.db +"10.0.0.2"',
      '- rule b: action "deny", users ["root"]',
      '> rule c stands at 1',
      '~ rule a: action "allow" -> "deny"',
      '~ rule a: ports -80 +8443',
      '+ rule d at 3: action "deny", ports [23]',
    ],
  )
})

test('of lists the changed element is told, not the whole list', () => {
  const rule = (may: readonly object[]) => ({ rules: [{ id: 'a', may }] })
  const said = (before: readonly object[], after: readonly object[]) =>
    describeDifference(rule(before), rule(after)).map(({ sign, text }) => `${sign} ${text}`)
  const [root, backup] = [{ users: ['root'] }, { users: ['backup'], units: ['a.service'] }]
  assert.deepEqual(said([root, backup], [root, { users: ['backup', 'sync'] }]), [
    '~ rule a: may[2].users +"sync"',
    '- rule a: may[2].units ["a.service"]',
  ])
  assert.deepEqual(said([root], [root, backup]), [`~ rule a: may +${JSON.stringify(backup)}`])
  assert.deepEqual(said([root, backup], [backup]), [`~ rule a: may -${JSON.stringify(root)}`])
})

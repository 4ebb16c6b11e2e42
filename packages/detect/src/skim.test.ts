// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { canonicalize } from '@sealwatch/base'
import fc from 'fast-check'
import { evaluate, loadRules } from './index.ts'

const folder = join(import.meta.dirname, '../../../rules')
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const names = readdirSync(folder).sort()
const samples = names.filter((name) => name.endsWith('.json')).map((name) => JSON.parse(read(name)) as Members)

type Members = { readonly [name: string]: unknown; readonly type_uid: number }

/** Rules that ask in other ways than the standard ones: for absence, for numbers, for elements, for a person. */
const own = [
  'Image|exists: false',
  'AncestorImage|endswith: sh',
  'ProcessId|lt: 100',
  'CommandLine|re: (a|b)*c',
  "User|startswith: 'r'",
].map((item, i) => ({
  path: `${i}.yml`,
  text: `title: Rule ${i}
id: 00000000-0000-4000-8000-00000000000${i}
logsource:
  product: linux
  category: process_creation
detection:
  selection:
    ${item}
  condition: selection`,
}))
/** A view of a value, which is found by the value, and keywords, which are looked for in several. */
const audit = [
  { a: { type: 'EXECVE', a1: '/dev/shm/x' }, condition: 'a' },
  { a: { type: 'PATH' }, b: ['shadow'], condition: 'a and b' },
].map((detection, i) => ({
  path: `audit-${i}.yml`,
  text: JSON.stringify({
    title: `Record ${i}`,
    id: `00000000-0000-4000-8001-00000000000${i}`,
    logsource: { product: 'linux', service: 'auditd' },
    detection,
  }),
}))
const falco = [
  'proc.aname endswith sh',
  'user.name startswith r',
  'not proc.cmdline contains a',
  'container.id != host or proc.pid < 100',
].map((condition, i) => ({
  path: `${i}.yaml`,
  text: `- rule: Rule ${i}
  desc: d
  condition: evt.type in (execve, openat, connect) and (${condition})
  output: o
  priority: INFO`,
}))
const standard = names.filter((name) => name.endsWith('.yml')).map((path) => ({ path, text: read(path) }))
const { ruleset, problems } = loadRules([...standard, ...own, ...audit, ...falco])
const impersonal = loadRules([
  // Events that are counted for a correlation are read, and fire nothing by themselves.
  ...standard.filter(({ text }) => !text.includes('Diff|') && !/^correlation:/m.test(text)),
  ...[...own, ...falco].filter(({ text }) => !/user/i.test(text)),
  ...audit,
]).ruleset

const lineOf = (event: Members) => Buffer.from(`{"event":${canonicalize(event)},"prev":""}`)
const from = '{"event":'.length
const commitment = `commit:${'0'.repeat(64)}`
const nameAt = '/event/actor/user/name'

/** A sample with some of its values taken away or put in place of others. */
const events = fc.tuple(fc.constantFrom(...samples), fc.infiniteStream(fc.nat(99))).map(([sample, stream]) => {
  const other = [
    null,
    true,
    -1.5,
    77,
    'abc',
    '/usr/bin/"é\\',
    '/dev/shm/x',
    [],
    {},
    [{ path: '/bin/bash' }],
    commitment,
  ]
  const next = () => stream.next().value as number
  const changed = (value: unknown): unknown => {
    if (next() < 4) return other[next() % other.length]
    if (Array.isArray(value)) return value.map(changed)
    if (typeof value !== 'object' || value === null) return value
    const kept = Object.entries(value).filter(() => next() >= 4)
    return Object.fromEntries(kept.map(([name, inner]) => [name, changed(inner)]))
  }
  const { type_uid, ...members } = sample
  const event = changed(members) as Members | null
  const actor = { ...(event?.actor as object), user: { name: commitment } }
  return { ...event, ...(next() < 50 && { actor }), type_uid: next() < 10 ? 1 : type_uid }
})

test('DET-2 a line that is passed over unread is one that no rule fires for, whatever its personal values are', () => {
  assert.deepEqual(problems, [])
  const sides = fc.constantFrom({}, { [nameAt]: { salt: '', value: 'root' } }, { [nameAt]: { salt: '', value: 'x' } })
  const told = { fires: 0, quiet: 0, passed: 0 }
  fc.assert(
    fc.property(events, sides, (event, side) => {
      const fires = evaluate(ruleset, event, side).length > 0
      const mayFire = ruleset.mayFire(lineOf(event), from)
      assert(mayFire || !fires)
      told[fires ? 'fires' : mayFire ? 'quiet' : 'passed'] += 1
    }),
    { numRuns: 3_000 },
  )
  // Or the test would show nothing.
  assert(told.fires > 100 && told.passed > 100, JSON.stringify(told))
})

test('where no rule asks for a personal value, the same lines are passed over that fire nothing', () => {
  fc.assert(
    fc.property(events, (event) => {
      assert.equal(impersonal.mayFire(lineOf(event), from), evaluate(impersonal, event).length > 0)
    }),
    { numRuns: 3_000 },
  )
})

test('what is out of the plain form is never passed over', () => {
  const quiet = { type_uid: 1 }
  assert.equal(ruleset.mayFire(lineOf(quiet), from), false)
  for (const text of [
    '{"type_uid":1',
    '{"type_uid": 1}',
    '{"\\u0041":1,"type_uid":1}',
    '[1]',
    '',
    '{"é":1,"type_uid":1}',
  ])
    assert.equal(ruleset.mayFire(Buffer.from(`{"event":${text}`), from), true, text)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { type PolicyDocument, type PolicyDraft, policyDocument, policyExamples } from '@sealwatch/contract/policy'
import type { Body } from '@sealwatch/ledger'
import { createDryRuns } from './dry-run.ts'
import { by, openRooms, type Rooms } from './test/rooms.ts'

const vectors = join(import.meta.dirname, '../../../../vectors/events')
type Event = Record<string, unknown> & { actor: { process: object } }
const vector = (name: string) => JSON.parse(readFileSync(join(vectors, `${name}.json`), 'utf8')) as Event
const policy = (draft: PolicyDraft): PolicyDocument => policyDocument.parse(draft)
const dayMs = 86_400_000
const ago = (event: Event, days: number) => ({ ...event, time: Date.now() - days * dayMs })
const as = (event: Event, uid: string, name: string): Event =>
  ({ ...event, actor: { ...event.actor, user: { uid, name } } }) as Event

const shadow = (may: object[] = []) =>
  policy({
    type: 'file',
    name: 'x',
    enabled: false,
    rules: [{ id: 'shadow', paths: ['/etc/shadow'], operations: ['read'], may }],
  })

const run = (rooms: Rooms, tried: PolicyDocument, days = 7, signal = new AbortController().signal, tenant = 'acme') =>
  rooms.dryRuns.run(by('policy:try', tenant), { policy: tried, days }, signal)

test('POL-2 a policy that is tried says how often it would have fired, when, and why; the ledger stays as it was', async () => {
  await using rooms = await openRooms()
  const read = vector('file-read')
  await rooms.ship([
    ago(read, 40),
    ago(read, 3),
    ago(vector('process-launch'), 2),
    ago(read, 1),
    ago(vector('file-create'), 1),
    ago(read, 0),
  ])
  const size = rooms.ledgers.get('acme').size
  const report = await run(rooms, shadow())
  const [rule, ...more] = report.rules
  assert.deepEqual(more, [])
  assert.deepEqual([rule?.rule, rule?.fired, rule?.undecided, rule?.effects], ['shadow', 3, 0, { deny: 3 }])
  assert.deepEqual([report.events, report.stopped, report.days], [4, null, 7])
  const [first] = rule?.examples ?? []
  assert.deepEqual([first?.host, first?.what], ['web-1', read.message])
  assert.deepEqual(first?.why, [
    'paths /etc/shadow: unmapped.watched /etc/shadow',
    'operations read: activity_id 2',
    'not among who may: actor.process.file.path /usr/bin/cat',
    'not among who may: actor.user.uid 0',
  ])
  const texts = await rooms.ledgerTexts('acme')
  for (const { leafIndex, time } of rule?.examples ?? []) {
    const { event } = JSON.parse(texts[leafIndex] as string) as { event: Event }
    assert.equal(event.class_uid, 1001)
    assert.equal(new Date(event.time as number).toISOString(), time)
  }
  assert.equal(rooms.ledgers.get('acme').size, size)
  assert.equal((await run(rooms, shadow(), 60)).rules[0]?.fired, 4)
  assert.equal((await run(rooms, shadow([{ executables: ['/usr/bin/cat'] }]))).rules[0]?.fired, 0)
  assert.equal((await run(rooms, shadow(), 7, undefined, 'zeta')).events, 0, 'another tenant sees nothing of it')
})

test('names are opened for a rule that asks for them, and stay sealed for one that does not; erased, they decide nothing', async () => {
  await using rooms = await openRooms()
  const read = vector('file-read')
  await rooms.ship([ago(as(read, '1000', 'ann'), 1), ago(as(read, '1001', 'bob'), 1)])
  assert.ok(!(await rooms.ledgerTexts('acme')).join().includes('ann'))
  const { rules } = await run(rooms, shadow([{ users: ['ann'] }]))
  assert.deepEqual([rules[0]?.effects, rules[0]?.undecided], [{ allow: 1, deny: 1 }, 0])
  assert.ok(!JSON.stringify(rules).includes('bob'))
  rooms.sealing.erase({ tenant: 'acme', label: (await rooms.sealing.labelOf('acme', 'name:bob')) as string }, 1)
  const after = await run(rooms, shadow([{ users: ['ann'] }]))
  assert.deepEqual([after.rules[0]?.effects, after.rules[0]?.undecided], [{ allow: 1 }, 1])
  assert.match(after.notices.join(), /Once an event did not say/)
  assert.deepEqual(
    after.rules[0]?.unclear.map(({ what, why }) => [what, why]),
    [[read.message, ['may.users: the event does not tell the name of the account, or it cannot be opened any more']]],
  )
})

test('the example of a file policy decides on a plain read, and tells of the actor what its rule asks for', async () => {
  await using rooms = await openRooms()
  await rooms.ship([ago(vector('file-read'), 1)])
  const [rule] = (await run(rooms, policyDocument.parse(policyExamples.file))).rules
  assert.deepEqual([rule?.fired, rule?.undecided], [1, 0])
  const of = async (may: object[]) => (await run(rooms, shadow(may))).rules[0]
  const program = 'not among who may: actor.process.file.path /usr/bin/cat'
  assert.deepEqual((await of([{ executables: ['/usr/bin/passwd'] }]))?.examples[0]?.why.slice(2), [program])
  assert.deepEqual((await of([{ units: ['ssh.service'] }]))?.unclear[0]?.why, [
    'may.units: no event tells the unit yet',
  ])
})

const finding = vector('finding-create')
/** A finding of the server's own, as detection writes it. */
async function found(rooms: Rooms, at: number, more: object = {}): Promise<void> {
  const body = {
    event: {
      ...finding,
      time: Date.now() - dayMs + at,
      metadata: { ...(finding.metadata as object), uid: `f${at}` },
      ...more,
    },
  }
  const uid = await rooms.store.transaction((tx) => rooms.outbox.enqueue(tx, 'acme', body as unknown as Body))
  rooms.outbox.ring()
  await rooms.outbox.committed(uid)
}

test('findings are counted within their time, and answered with a cool-down; those that a host claims are none', async () => {
  await using rooms = await openRooms()
  for (const at of [0, 10_000, 20_000, 30_000, 600_000]) await found(rooms, at)
  await rooms.ship([ago(finding, 1), ago(finding, 1)])
  const three = policy({
    type: 'detection',
    name: 'x',
    rules: [{ id: 'three', kind: 'threshold', count: 3, within_seconds: 60 }],
  })
  const counted = await run(rooms, three)
  assert.equal(counted.events, 5)
  assert.deepEqual(counted.rules[0]?.effects, { count: 4, alert: 1 })
  const answered = await run(
    rooms,
    policy({
      type: 'response',
      name: 'x',
      rules: [{ id: 'kill', action: 'kill_process', mode: 'on', severity_from: 'low', cooldown_seconds: 25 }],
    }),
  )
  assert.deepEqual([answered.rules[0]?.fired, answered.rules[0]?.held], [3, 2])
  await found(rooms, 1_200_000, { count: 3, start_time: 1, end_time: 2 })
  const withEqual = await run(rooms, three)
  assert.deepEqual(
    withEqual.rules[0]?.effects,
    { count: 4, alert: 2 },
    'AGT-9: three equal acts in one event are three',
  )
})

test('a finding is excepted by the name of whoever acted, which its evidence keeps', async () => {
  await using rooms = await openRooms()
  await rooms.ship([ago(as(vector('file-read'), '1000', 'ann'), 1)])
  const ledger = rooms.ledgers.get('acme')
  const texts = await rooms.ledgerTexts('acme')
  const leaf = texts.findIndex((text) => text.includes('"class_uid":1001'))
  const { event } = JSON.parse(texts[leaf] as string) as { event: Event }
  const hash = ledger.leafHashes(leaf, leaf + 1)[0]?.toHex()
  const unmapped = { leaves: [{ tenant: 'acme', leaf_index: leaf, leaf_hash: hash }] }
  await found(rooms, 0, { actor: event.actor, unmapped })
  const exceptFor = (user: string) =>
    policy({ type: 'detection', name: 'x', rules: [{ id: 'e', kind: 'exception', users: [user], reason: 'known' }] })
  assert.deepEqual((await run(rooms, exceptFor('ann'))).rules[0]?.effects, { except: 1 })
  assert.deepEqual((await run(rooms, exceptFor('bob'))).rules[0]?.effects, {})
})

test('a run ends when it is cancelled, or takes too long, with what it has; one at a time', async () => {
  let jumpNs = 0n
  const clock: Clock = { ...systemClock, monotonicNs: () => systemClock.monotonicNs() + jumpNs }
  await using rooms = await openRooms(clock)
  const read = vector('file-read')
  await rooms.ship(Array.from({ length: 300 }, () => ago(read, 1)))
  const cancelled = new AbortController()
  const gone = run(rooms, shadow(), 7, cancelled.signal)
  await assert.rejects(run(rooms, shadow()), { code: 'POLICY_TRIES_TOO_MANY', kind: 'exhausted' })
  cancelled.abort()
  const ended = await gone
  assert.deepEqual([ended.stopped, ended.events < 300], ['cancelled', true])
  const slow = run(rooms, shadow())
  jumpNs = 61_000_000_000n
  const late = await slow
  assert.deepEqual([late.stopped, late.events < 300], ['time', true])
  assert.equal((await run(rooms, shadow())).rules[0]?.fired, 300)
})

test('where nothing of the kind was recorded, that is said, and not that nothing would have fired', async () => {
  await using rooms = await openRooms()
  await rooms.ship([ago(vector('file-read'), 1)])
  const report = await run(
    rooms,
    policy({ type: 'network', name: 'x', rules: [{ id: 'ssh', action: 'deny', ports: [22] }] }),
  )
  assert.equal(report.events, 0)
  assert.match(report.notices.join(), /No event of the class Network Activity/)
})

test('what a hostile host sealed is tried like anything else', async () => {
  await using rooms = await openRooms()
  const odd = [
    { class_uid: 1001, time: Date.now() },
    { class_uid: 1001, time: 1e300, device: null, message: 7, actor: [] },
  ]
  await rooms.ship(odd.map((event) => ({ ...event, time: Date.now() })))
  const report = await run(rooms, shadow())
  assert.deepEqual([report.events, report.rules[0]?.undecided], [2, 2])
})

test('POL-1 runs of other tenants keep nobody from one of their own', async () => {
  await using rooms = await openRooms()
  await rooms.ship([ago(vector('file-read'), 1)])
  const stuck = { ledgers: rooms.ledgers, indexed: { waitFor: () => new Promise<void>(() => undefined) } }
  const runs = createDryRuns({ ...stuck, store: rooms.store, openSide: async () => '', clock: systemClock })
  const signal = new AbortController().signal
  const begin = (tenant: string) => runs.run(by('policy:try', tenant), { policy: shadow(), days: 7 }, signal)
  for (const tenant of ['acme', 'zeta']) void begin(tenant)
  void begin('default').catch(() => undefined)
  assert.deepEqual(runs.progress(by('policy:try', 'zeta')), { done: 0, total: 0 })
  await assert.rejects(begin('acme'), (error: { code?: string; received?: string }) => {
    return error.code === 'POLICY_TRIES_TOO_MANY' && error.received === undefined
  })
  const both = await Promise.all(['acme', 'zeta'].map((tenant) => run(rooms, shadow(), 7, signal, tenant)))
  assert.deepEqual(
    both.map(({ stopped }) => stopped),
    [null, null],
  )
})

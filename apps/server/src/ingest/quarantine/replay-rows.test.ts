// SPDX-License-Identifier: Apache-2.0
// Rows of services that went to quarantine, and come into their ledger after all (submission.md, 8).

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, systemDisk as disk, rfc3339 } from '@sealwatch/base'
import { auditLedgers, type RegistryChange } from '@sealwatch/ledger'
import { createOutbox, type Outbox } from '../../store/index.ts'
import { openKeyRegistry } from '../../trust/index.ts'
import type { KeyRow } from '../../trust/test/host-key.ts'
import { billing, ed25519, one, openRooms, rowOf, signed, temporary } from '../rows/test/open-rows.ts'
import { byWhom, whole } from '../test/open-ingest.ts'
import { enterOtherwise } from './test/enter-otherwise.ts'
import { walkQuarantine } from './walk.ts'

const root = byWhom({ kind: 'operator', id: 'root' }, 'acme')
const ann = byWhom({ kind: 'person', id: 'usr_ann' }, 'acme')
const dayNs = 86_400_000_000_000n
const serviceKey = {
  ...{ tenant: 'acme', keyId: one.keyId, kind: 'service', producer: 'billing', algorithm: 'ed25519' },
  ...{ validFrom: rfc3339(0n), validUntil: null, revokedAt: null, compromisedSince: null, state: 'active' },
}
type Rooms = Awaited<ReturnType<typeof openRooms>>

const told = (outcomes: readonly { outcome: string; reason: string | null }[]) =>
  outcomes.map(({ outcome, reason }) => (reason === null ? outcome : `${outcome}: ${reason}`))

/** What stands behind leaf `at`: bodies of lines, by kind. */
const behind = async (it: Rooms, at: number) =>
  (await it.leavesOf('acme')).slice(at).map((line) => {
    const { chain: _c, epoch: _e, prev: _p, seq: _s, time: _t, v: _v, ...body } = line
    return Object.entries(body)[0] as [string, Record<string, unknown>]
  })

async function checkLedger(it: Rooms, dir: string, want: { replayed: number; unverified: number }) {
  await it.seal()
  const { ledgers, ok } = await auditLedgers(join(dir, 'ledgers'), { disk, trust: [] })
  const acme = ledgers.find(({ tenant }) => tenant === 'acme')
  assert.deepEqual([ok, acme?.problem], [true, undefined])
  assert.deepEqual([acme?.replayed, acme?.unverified], [want.replayed, want.unverified])
}

test('ING-4 ING-8 rows under a key that is registered later come in byte for byte, once, with proof of item and registry', async () => {
  await using dir = await temporary()
  const sent = [signed(['{"a": 1}', '{"a":\t2}\r']), signed(['"\\u00e4"'], { form: 'dsse' })]
  {
    await using it = await openRooms(dir.path)
    for (const submission of sent) assert.equal((await it.rows.submit(billing, [submission]))[0]?.kind, 'quarantined')
    const dry = { ...whole, dryRun: true }
    assert.deepEqual(told((await it.replays.replay(root, {}, dry)).items), Array(2).fill('waiting: unknown_key'))
    await it.enter(rowOf(one))
    const { size } = it.ledger
    const looked = (await it.replays.replay(root, {}, dry)).items
    assert.deepEqual(
      [told(looked), looked.map(({ lines }) => lines)],
      [
        ['admitted', 'admitted'],
        [2, 1],
      ],
    )
    assert.equal(it.ledger.size, size)
    const both = await Promise.all([1, 2].map(() => it.replays.replay(root, {}, whole)))
    const outcomes = both.flatMap(({ items }) => items)
    assert.deepEqual(told(outcomes), ['admitted', 'admitted', 'already', 'already'])
    const [first, second] = await it.stubsIn()
    const found = await behind(it, size)
    assert.deepEqual(
      found.map(([kind]) => kind),
      ['submission_replay', 'row', 'row', 'submission', 'submission_replay', 'row', 'submission'],
    )
    const registry = it.ledger.registry
    assert.deepEqual(found[0]?.[1], {
      producer: 'billing',
      id: sent[0]?.id,
      rows: 2,
      item: first?.item,
      reason: 'unknown_key',
      how: 'verified',
      registry,
      stub_leaf: outcomes[0]?.leaf,
    })
    const end = found[3]?.[1] as Record<string, unknown>
    assert.deepEqual([end.mark, end.registry, end.received_at], [null, registry, first?.received_at])
    assert.deepEqual(
      outcomes.map(({ admittedLeaf }) => admittedLeaf),
      [size, size + 4, size, size + 4],
    )
    assert.equal(second?.id, sent[1]?.id)
    assert.deepEqual(await it.textsIn(), ['{"a": 1}', '{"a":\t2}\r', '"\\u00e4"'])
    assert.equal(it.quarantine.waiting.get('acme')?.unknown_key, 0)
  }
  // Whoever sends them again hears that they are in, also of another start, and nothing comes in twice.
  await using it = await openRooms(dir.path)
  const again = await it.rows.submit(billing, sent)
  assert.deepEqual(
    again.map((outcome) => outcome.kind),
    ['duplicate', 'duplicate'],
  )
  assert.deepEqual((await it.replays.replay(root, {}, whole)).items, [])
  assert.equal((await it.textsIn()).length, 3)
  await checkLedger(it, dir.path, { replayed: 3, unverified: 0 })
})

test('ING-2 ING-4 quarantined rows are judged as of their receipt: by a window that held then, whatever holds now', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const [late, gone, stolen] = [ed25519('late'), ed25519('gone'), ed25519('stolen')]
  for (const [text, key] of [
    ['1', late],
    ['2', gone],
    ['3', stolen],
  ] as const)
    await it.rows.submit(billing, [signed([text], {}, key)])
  const after = rfc3339(clock.nowNs())
  const before = rfc3339(clock.nowNs() - dayNs)
  // It expired meanwhile, or was revoked, and did count when these came.
  await it.enter(rowOf(late, { valid_until: after }))
  await it.enter(rowOf(gone, { revoked_at: after }))
  await it.enter(rowOf(stolen, { revoked_at: before }))
  const { items } = await it.replays.replay(root, {}, whole)
  assert.deepEqual(told(items), ['admitted', 'admitted', 'waiting: key_revoked'])
  assert.deepEqual(await it.textsIn(), ['1', '2'])
})

test('ING-4 a key of another service does not let rows in', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.rows.submit(billing, [signed(['1'])])
  await it.enter(rowOf(one, { producer: 'orders' }))
  assert.deepEqual(told((await it.replays.replay(root, {}, whole)).items), ['waiting: unknown_key'])
  assert.deepEqual(await it.textsIn(), [])
})

test('ING-4 rows without a valid signature enter by release alone: marked, counted as unverified, and once', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(one))
  const forged = signed(['{"amount": 10}', '{"amount": 11}'], { signature: new Uint8Array(64) })
  assert.equal((await it.rows.submit(billing, [forged]))[0]?.kind, 'quarantined')
  const [waiting] = (await it.replays.replay(root, {}, whole)).items
  assert.deepEqual([waiting?.outcome, waiting?.reason], ['release', 'invalid_signature'])
  const leaf = waiting?.leaf ?? -1
  const { release } = await it.replays.ask(ann, leaf, 'INC-9')
  const { request } = release
  await assert.rejects(it.replays.approve(ann, leaf, request), { code: 'RELEASE_BY_PERSON' })
  const done = await it.replays.approve(root, leaf, request)
  assert.equal(done.outcome, 'admitted')
  const found = await behind(it, done.admittedLeaf ?? 0)
  assert.deepEqual(
    found.map(([kind, body]) => [kind, body.how ?? body.mark]),
    [
      ['submission_replay', 'released'],
      ['row', 'invalid_signature'],
      ['row', 'invalid_signature'],
      ['submission', 'invalid_signature'],
    ],
  )
  assert.equal((await it.replays.approve(root, leaf, request)).outcome, 'already')
  assert.equal((await it.rows.submit(billing, [forged]))[0]?.kind, 'duplicate')
  await checkLedger(it, dir.path, { replayed: 2, unverified: 2 })
})

test('ING-8 rows whose id came in by another way wait no more, with the leaf of these, and other bytes under it stay out', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const { at } = await enterOtherwise(it, ['same', 'mine'], ['same', 'another'])
  const { size } = it.ledger
  const dry = (await it.replays.replay(root, {}, { ...whole, dryRun: true })).items
  assert.deepEqual(told(dry), ['already', 'taken: unknown_key'])
  assert.equal((await it.replays.list(root, { state: 'waiting' }, -1, 9)).items.length, 2)
  const { items } = await it.replays.replay(root, {}, whole)
  assert.deepEqual(told(items), ['already', 'taken: unknown_key'])
  assert.equal(items[0]?.admittedLeaf, at + 1)
  assert.match(
    items[1]?.detail ?? '',
    new RegExp(`other rows .* stand in the ledger under the id sub-\\d+, at leaf ${at + 3}`),
  )
  assert.equal(it.ledger.size, size)
  const [known, other] = (await it.replays.list(root, {}, -1, 9)).items
  assert.deepEqual([known?.state, known?.admitted_leaf_index, other?.state], ['duplicate', at + 1, 'waiting'])
  assert.deepEqual([it.quarantine.waiting.get('acme')?.unknown_key, it.quarantine.ended.get('acme')?.duplicate], [1, 1])
  assert.deepEqual(told((await it.replays.replay(root, {}, whole)).items), ['taken: unknown_key'])
  await assert.rejects(it.replays.ask(ann, known?.stub_leaf_index ?? -1, 'INC-9'), { code: 'RELEASE_DONE' })
})

test('ING-4 rows that came with a wrong signature are for people, also when it holds by now', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(ed25519(one.keyId)))
  assert.equal((await it.rows.submit(billing, [signed(['1'])]))[0]?.kind, 'quarantined')
  Object.assign(it.keys.of('acme'), { key: () => ({ ...serviceKey, publicKey: rowOf(one).public_key }) })
  const [item] = (await it.replays.replay(root, {}, whole)).items
  assert.deepEqual([item?.outcome, item?.reason], ['release', 'invalid_signature'])
  assert.match(item?.detail ?? '', /holds now/)
})

test('ING-8 the ledger is asked whether rows are in, whatever the database says', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.rows.submit(billing, [signed(['1'])])
  await it.enter(rowOf(one))
  const [first] = (await it.replays.replay(root, {}, whole)).items
  const waiting = { state: 'waiting', admitted_at: null, admitted_leaf_index: null } as const
  await it.store.db.updateTable('audit_signature_quarantine').set(waiting).where('tenant', '=', 'acme').execute()
  const { size } = it.ledger
  const [again] = (await it.replays.replay(root, {}, whole)).items
  assert.deepEqual([again?.outcome, again?.admittedLeaf, it.ledger.size], ['already', first?.admittedLeaf, size])
})

test('ING-8 a stub that a crash left without its row finds it at the start, and its rows are replayed', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.rows.submit(billing, [signed(['1'])])
  await it.store.db
    .updateTable('audit_signature_quarantine')
    .set({ stub_leaf_index: null })
    .where('tenant', '=', 'acme')
    .execute()
  await it.enter(rowOf(one))
  assert.deepEqual((await it.replays.replay(root, {}, whole)).items, [])
  await it.replays.settle('acme')
  assert.deepEqual(told((await it.replays.replay(root, {}, whole)).items), ['admitted'])
})

test('ING-2 a key that is revoked while rows are on their way in does not count: they are judged again', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.rows.submit(billing, [signed(['1'])])
  await it.enter(rowOf(one))
  const { read } = it.quarantine
  const of = it.keys.of('acme')
  it.quarantine.read = async (...given) => {
    const item = await read(...given)
    // Between reading and judging: whoever judges must look at the registry of now.
    Object.assign(of, { key: () => undefined })
    return item
  }
  assert.deepEqual(told((await it.replays.replay(root, {}, whole)).items), ['waiting: unknown_key'])
  assert.deepEqual(await it.textsIn(), [])
})

test('ING-8 what a row calls a duplicate is held against the ledger by the walk', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await enterOtherwise(it, ['same', 'mine'], ['same', 'another'])
  const { items } = await it.replays.replay(root, {}, whole)
  const walk = () => walkQuarantine({ ...it, clock }, new AbortController().signal)
  assert.equal(await walk(), undefined)
  const leaf = items[1]?.leaf ?? -1
  await it.store.db
    .updateTable('audit_signature_quarantine')
    .set({ state: 'duplicate', admitted_leaf_index: items[0]?.admittedLeaf ?? null })
    .where('tenant', '=', 'acme')
    .where('stub_leaf_index', '=', leaf)
    .execute()
  const found = await walk()
  assert.deepEqual([found?.leaf, /the ledger has others there/.test(found?.text ?? '')], [leaf, true])
})

test('ING-3 ING-4 rows come in in the order of their stubs, however long each takes to be read', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const texts = Array.from({ length: 20 }, (_, i) => String(i))
  for (const text of texts) await it.rows.submit(billing, [signed([text])])
  await it.enter(rowOf(one))
  const { read } = it.quarantine
  let begun = 0
  it.quarantine.read = async (...given) => {
    begun += 1
    // Who comes first has to wait longest.
    for (let turns = 4 * (texts.length - begun); turns > 0; turns -= 1) await clock.sleep(0)
    return read(...given)
  }
  const { items } = await it.replays.replay(root, {}, whole)
  assert.ok(items.every(({ outcome }) => outcome === 'admitted'))
  assert.deepEqual(await it.textsIn(), texts)
})

/** As trust/ does it: the database and a line, which waits to enter the ledger. */
async function changeKey(it: Rooms, set: Partial<KeyRow>, change: 'state' | 'window') {
  const row = rowOf(one, set)
  const { tenant, state, source, ...rest } = row
  await it.store.db
    .updateTable('signing_keys')
    .set(set)
    .where('tenant', '=', tenant)
    .where('key_id', '=', one.keyId)
    .execute()
  const line = {
    ...rest,
    state,
    source,
    change,
    changed_at: rfc3339(clock.nowNs()),
    cause: null,
    compromised_since: null,
  }
  return { registry: { ...line, revoked_at: null } as RegistryChange }
}

test('ING-4 SIG-6 rows under a staged key come in once it is promoted, by its window as of their receipt', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const staged = { state: 'staged', valid_from: rfc3339(clock.nowNs() + dayNs) } as const
  await it.enter(rowOf(one, staged))
  await it.rows.submit(billing, [signed(['1'])])
  const waiting = async () => told((await it.replays.replay(root, {}, whole)).items)
  assert.deepEqual(await waiting(), ['waiting: unknown_key'])
  const early = await changeKey(it, { ...staged, state: 'active' }, 'state')
  await it.ledger.append({ own: early })
  await it.store.between((db) => it.keys.given(db, { tenant: 'acme', keyId: one.keyId }))
  assert.deepEqual(await waiting(), ['waiting: key_not_yet_valid'], 'its window begins after their receipt')
  await it.ledger.append({ own: await changeKey(it, { state: 'active', valid_from: rfc3339(0n) }, 'window') })
  await it.store.between((db) => it.keys.given(db, { tenant: 'acme', keyId: one.keyId }))
  assert.deepEqual(await waiting(), ['admitted'])
  assert.deepEqual(await it.marksIn(), [null])
  await checkLedger(it, dir.path, { replayed: 1, unverified: 0 })
})

test('ING-1 ING-4 after a restart nothing is admitted by a window whose line still waits for the ledger', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(one, { valid_until: rfc3339(clock.nowNs() - dayNs) }))
  await it.rows.submit(billing, [signed(['1'])])
  const replay = async () => told((await it.replays.replay(root, {}, whole)).items)
  assert.deepEqual(await replay(), ['waiting: key_expired'])
  const line = await changeKey(it, { valid_until: null }, 'window')
  await it.store.transaction((tx) => createOutbox(it.store, clock).enqueue(tx, 'acme', line))
  // The process ends here; the next one knows the database, and the ledger does not know of the window.
  const entered = Promise.withResolvers<number>()
  const outbox = { committed: () => entered.promise } as unknown as Outbox
  const keys = await openKeyRegistry({ store: it.store, versionOf: () => it.ledger.registry, outbox })
  Object.assign(it.keys, { of: keys.of })
  const { size } = it.ledger
  assert.deepEqual(await replay(), ['waiting: key_expired'])
  assert.equal(it.ledger.size, size)
  const { first } = await it.ledger.append({ own: line })
  entered.resolve(first)
  while (keys.of('acme').isSettling('service', 'billing')) await clock.sleep(0)
  assert.deepEqual(await replay(), ['admitted'])
  await checkLedger(it, dir.path, { replayed: 1, unverified: 0 })
})

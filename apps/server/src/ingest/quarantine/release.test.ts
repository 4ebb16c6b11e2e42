// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { byWhom, flip, keyRow, openIngest, whole } from '../test/open-ingest.ts'

const ann = byWhom({ kind: 'person', id: 'usr_ann' })
const bob = byWhom({ kind: 'person', id: 'usr_bob' })
const root = byWhom({ kind: 'operator', id: 'root' })
const token = byWhom({ kind: 'machine', id: 'tok_1', tenant: 'default', actions: [] })
const zeta = byWhom({ kind: 'person', id: 'usr_bob' }, 'zeta')
const code = (wanted: string) => ({ code: wanted })
const dayMs = 86_400_000
/** The id of a request that nobody made. */
const none = `rel_${'0'.repeat(20)}`

/** A clock that is ahead of the system's. */
function aheadClock(): Clock & { aheadMs: number } {
  const clock = {
    ...systemClock,
    aheadMs: 0,
    nowMs: () => systemClock.nowMs() + clock.aheadMs,
    nowNs: () => systemClock.nowNs() + BigInt(clock.aheadMs) * 1_000_000n,
  }
  return clock
}

/** An item without a valid signature. */
async function openForged() {
  const clock = aheadClock()
  const it = await openIngest({}, clock)
  await it.seal('alice')
  const request = await it.batchAt(0)
  const forged = { ...request, lines: flip(request.lines, Buffer.from(request.lines).indexOf('commit:') + 9) }
  const outcome = await it.submit(forged)
  assert.equal(outcome.kind === 'quarantined' && outcome.reason, 'invalid_signature')
  const fresh = it.replays
  const replays = fresh()
  const leaf = outcome.kind === 'quarantined' ? outcome.leafIndex : -1
  const ledger = it.ledgers.get('default')
  /** Of what was asked for last. */
  const asked = async () => (await replays.show(ann, leaf)).release?.request ?? none
  return Object.assign(it, { clock, fresh, replays, leaf, forged, ledger, asked })
}

test('ING-4 one person asks and another approves: the lines come in, byte for byte, once, and who did it stands before them', async () => {
  await using it = await openForged()
  const { release } = await it.replays.ask(ann, it.leaf, 'INC-7')
  assert.equal(Date.parse(release.expiresAt) - Date.parse(release.requestedAt), dayMs)
  const first = await it.replays.approve(bob, it.leaf, await it.asked())
  assert.equal(first.outcome, 'admitted')
  const leaf = first.admittedLeaf ?? 0
  const [replay, ...lines] = await it.ledger.read(leaf, 1 + it.forged.count)
  assert.match(Buffer.from(replay?.line ?? []).toString(), /"how":"released".*"reason":"invalid_signature"/)
  assert.equal(lines.map(({ line }) => `${Buffer.from(line)}\n`).join(''), Buffer.from(it.forged.lines).toString())
  const before = (await it.ledger.read(0, leaf)).map(({ line }) => Buffer.from(line).toString())
  for (const [act, who] of [
    ['quarantine_release_requested', 'usr_ann'],
    ['quarantine_release_approved', 'usr_bob'],
  ] as const)
    assert.equal(before.filter((line) => line.includes(act) && line.includes(who)).length, 1, act)
  const { size } = it.ledger
  const again = await it.replays.approve(bob, it.leaf, await it.asked())
  assert.deepEqual([again.outcome, again.admittedLeaf], ['already', leaf])
  await assert.rejects(it.replays.ask(ann, it.leaf, 'once more'), code('RELEASE_DONE'))
  assert.equal(it.ledger.size, size)
  assert.equal((await it.replays.show(ann, it.leaf)).release?.cause, 'INC-7')
})

test('ING-4 nobody approves what they asked for, the operator is one person, and a token is none', async () => {
  await using it = await openForged()
  await assert.rejects(it.replays.approve(bob, it.leaf, await it.asked()), code('RELEASE_NOT_ASKED'))
  await assert.rejects(it.replays.ask(token, it.leaf, 'x'), code('RELEASE_BY_PERSON'))
  await it.replays.ask(root, it.leaf, 'x')
  for (const by of [root, token])
    await assert.rejects(it.replays.approve(by, it.leaf, await it.asked()), code('RELEASE_BY_PERSON'))
  await it.replays.approve(ann, it.leaf, await it.asked())
})

test('ING-4 nobody approves what they asked for under another session either', async () => {
  await using it = await openForged()
  await it.replays.ask(ann, it.leaf, 'y')
  const sameOne = byWhom({ kind: 'person', id: 'usr_ann', session: 'another' })
  await assert.rejects(it.replays.approve(sameOne, it.leaf, await it.asked()), code('RELEASE_BY_PERSON'))
  assert.equal((await it.replays.approve(root, it.leaf, await it.asked())).outcome, 'admitted')
})

test('ING-4 a request that waits is put aside by nobody else, and who approves names the one they saw', async () => {
  await using it = await openForged()
  const { release: first } = await it.replays.ask(ann, it.leaf, 'harmless')
  const { size } = it.ledger
  await assert.rejects(it.replays.ask(bob, it.leaf, 'mine'), (error: Error & { code: string; received: string }) => {
    assert.equal(error.code, 'RELEASE_PENDING')
    assert.ok(error.received.includes('person:usr_ann') && error.received.includes(first.expiresAt), error.received)
    return true
  })
  assert.equal(it.ledger.size, size)
  // Whoever asked may ask anew: an approval of what stood there before is none of it.
  const { release: second } = await it.replays.ask(ann, it.leaf, 'other words')
  assert.notEqual(second.request, first.request)
  await assert.rejects(it.replays.approve(bob, it.leaf, first.request), code('RELEASE_NOT_ASKED'))
  assert.equal((await it.replays.approve(bob, it.leaf, second.request)).outcome, 'admitted')
  await assert.rejects(it.replays.approve(bob, it.leaf, first.request), code('RELEASE_NOT_ASKED'))
})

test('ING-4 what was turned down is approved by nobody, stands in the ledger with its cause, and can be asked for anew', async () => {
  await using it = await openForged()
  const { replays, leaf } = it
  const waits = async () => [(await replays.waiting(ann)).releases, (await replays.asked(ann, -1, 10)).items.length]
  await assert.rejects(replays.reject(bob, leaf, none, 'no'), code('RELEASE_NOT_ASKED'))
  const { release: first } = await replays.ask(ann, leaf, 'INC-7')
  assert.deepEqual(await waits(), [1, 1])
  assert.equal((await replays.asked(zeta, -1, 10)).items.length, 0)
  await assert.rejects(replays.reject(token, leaf, first.request, 'no'), code('RELEASE_BY_PERSON'))
  await assert.rejects(replays.reject(zeta, leaf, first.request, 'no'), code('QUARANTINE_UNKNOWN'))
  const { release, recorded } = await replays.reject(bob, leaf, first.request, 'not what the agent wrote')
  assert.deepEqual([release.rejectedBy, release.rejectedCause], ['person:usr_bob', 'not what the agent wrote'])
  const [line] = await it.ledger.read(recorded.leafIndex ?? -1, 1)
  assert.match(Buffer.from(line?.line ?? []).toString(), /quarantine_release_rejected.*not what the agent wrote/)
  assert.deepEqual(await waits(), [0, 0])
  for (const by of [bob, root])
    await assert.rejects(replays.approve(by, leaf, first.request), code('RELEASE_NOT_ASKED'))
  await assert.rejects(replays.reject(bob, leaf, first.request, 'again'), code('RELEASE_NOT_ASKED'))
  const { release: second } = await replays.ask(bob, leaf, 'with its evidence')
  assert.equal(second.rejectedAt, null)
  // Who asked may take it back.
  await replays.reject(bob, leaf, second.request, 'a mistake')
  const { release: third } = await replays.ask(bob, leaf, 'rightly')
  assert.equal((await replays.approve(ann, leaf, third.request)).outcome, 'admitted')
  await assert.rejects(replays.reject(root, leaf, third.request, 'late'), code('RELEASE_DONE'))
  assert.equal((await replays.show(ann, leaf)).row.admitted_how, 'released')
  assert.deepEqual(await waits(), [0, 0])
})

test('ING-4 a request holds for 24 hours, and is asked for anew', async () => {
  await using it = await openForged()
  await it.replays.ask(ann, it.leaf, 'x')
  it.clock.aheadMs += dayMs
  await assert.rejects(it.replays.approve(bob, it.leaf, await it.asked()), code('RELEASE_NOT_ASKED'))
  // What has ended holds nobody up.
  await it.replays.ask(root, it.leaf, 'x')
  it.clock.aheadMs += dayMs - 60_000
  assert.equal((await it.replays.approve(bob, it.leaf, await it.asked())).outcome, 'admitted')
})

test('ING-4 an item of another tenant is not found', async () => {
  await using it = await openForged()
  await it.replays.ask(ann, it.leaf, 'x')
  for (const asked of [
    it.replays.show(zeta, it.leaf),
    it.replays.bytes(zeta, it.leaf),
    it.replays.ask(zeta, it.leaf, 'x'),
    it.replays.approve(zeta, it.leaf, none),
  ])
    await assert.rejects(asked, code('QUARANTINE_UNKNOWN'))
})

test('ING-4 what was approved stays so when its admission fails, is not asked for anew, and is finished late', async () => {
  await using it = await openForged()
  await it.replays.ask(ann, it.leaf, 'INC-7')
  const { append } = it.ledger
  const power = { fails: true }
  it.ledger.append = (item, side) =>
    power.fails && 'fill' in item ? Promise.reject(new Error('the power went')) : append(item, side)
  await assert.rejects(it.replays.approve(bob, it.leaf, await it.asked()), /the power went/)
  await assert.rejects(it.replays.ask(bob, it.leaf, 'another cause'), code('RELEASE_DONE'))
  power.fails = false
  it.clock.aheadMs += dayMs
  await it.fresh().settle('default')
  const { row, release } = await it.replays.show(ann, it.leaf)
  assert.deepEqual([row.state, release?.cause], ['admitted', 'INC-7'])
})

test('ING-4 what waits for its key is not released: replay is its way, and it is not let in by an approval of before', async () => {
  await using it = await openIngest('unregistered')
  await it.seal('alice')
  const request = await it.batchAt(0)
  const outcome = await it.submit(request)
  const leaf = outcome.kind === 'quarantined' ? outcome.leafIndex : -1
  const replays = it.replays()
  await assert.rejects(replays.ask(ann, leaf, 'x'), code('RELEASE_NOT_NEEDED'))
  const release = {
    tenant: 'default',
    stub_leaf_index: leaf,
    request: none,
    cause: 'x',
    requested_by: 'person:usr_ann',
  }
  const times = { requested_at: '2026-01-01T00:00:00Z', expires_at: '2999-01-01T00:00:00Z' }
  await it.store.db
    .insertInto('quarantine_releases')
    .values({ ...release, ...times })
    .execute()
  await assert.rejects(replays.approve(bob, leaf, none), code('RELEASE_NOT_NEEDED'))
  await it.store.db
    .updateTable('quarantine_releases')
    .set({ approved_at: times.requested_at, approved_by: 'person:usr_bob' })
    .where('tenant', '=', 'default')
    .execute()
  const { size } = it.ledgers.get('default')
  await replays.settle('default')
  assert.equal(it.ledgers.get('default').size, size)
  await it.store.db.insertInto('signing_keys').values(keyRow(it.signer, {})).execute()
  await it.keys.given(it.store.db as never, { tenant: 'default', keyId: it.signer.keyId })
  const [replayed] = (await replays.replay(root, {}, whole)).items
  assert.equal(replayed?.outcome, 'admitted')
  const approved = await replays.approve(bob, leaf, none)
  assert.deepEqual([approved.outcome, approved.admittedLeaf], ['already', replayed.admittedLeaf])
})

test('ING-4 an item that came in meanwhile is not released again, and no approval is written', async () => {
  await using it = await openForged()
  await it.replays.ask(ann, it.leaf, 'x')
  await it.replays.approve(bob, it.leaf, await it.asked())
  // As a database that was restored from before the approval.
  await it.store.db
    .updateTable('audit_signature_quarantine')
    .set({ state: 'waiting', admitted_at: null, admitted_leaf_index: null })
    .where('tenant', '=', 'default')
    .execute()
  await it.store.db
    .updateTable('quarantine_releases')
    .set({ approved_at: null, approved_by: null })
    .where('tenant', '=', 'default')
    .execute()
  const { size } = it.ledger
  const restarted = it.fresh()
  assert.equal((await restarted.approve(bob, it.leaf, await it.asked())).outcome, 'already')
  await assert.rejects(restarted.ask(bob, it.leaf, 'x'), code('RELEASE_DONE'))
  assert.equal(it.ledger.size, size)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLine, sha256 } from '@sealwatch/ledger'
import { enterKey } from '../trust/test/host-key.ts'
import { byWhom, flip, keyRow, openIngest, whole } from './test/open-ingest.ts'
import { countUnverified, marksOfFills } from './unverified.ts'

const root = byWhom({ kind: 'operator', id: 'root' })
type Opened = Awaited<ReturnType<typeof openIngest>>

async function bodiesFrom({ ledgers }: Opened, from: number) {
  const leaves = await ledgers.get('default').readChecked(from, 100)
  return leaves.map(({ line }) => ({ ...parseLine(sha256, line, 'reading back').line, bytes: Buffer.from(line) }))
}

test('ING-3 while strict signatures are off a batch under an unknown key is admitted: stub, replay, and its very bytes', async () => {
  await using it = await openIngest('unregistered')
  const ledger = it.ledgers.get('default')
  await it.seal('alice', 'bob')
  const batch = await it.batchAt(0)
  it.strict.isOn = false
  const { size } = ledger
  const outcome = await it.submit(batch)
  assert.deepEqual(outcome, { kind: 'acknowledged', nextSeq: batch.count, leafIndex: size + 1 + batch.count })
  const [stub, replay, ...lines] = await bodiesFrom(it, size)
  assert.ok(stub !== undefined && 'stub' in stub && replay !== undefined && 'replay' in replay)
  assert.deepEqual(
    [stub.stub.reason, replay.replay.how, replay.replay.reason],
    ['unknown_key', 'non_strict', 'unknown_key'],
  )
  assert.deepEqual([replay.replay.stub_leaf, replay.replay.item], [size, stub.stub.item])
  assert.deepEqual(Buffer.concat(lines.flatMap(({ bytes }) => [bytes, Buffer.from('\n')])), Buffer.from(batch.lines))
  const { admitted, unverified, quarantined } = it.rowBook.of('default')
  assert.deepEqual([admitted, unverified.unknown_key, quarantined.unknown_key], [batch.count, batch.count, 0])
  assert.equal(it.rowBook.missing('default'), 0)
  // It is in once: nothing waits, and what comes again is the same.
  assert.deepEqual((await it.replays().list(root, { state: 'waiting' }, -1, 10)).items, [])
  assert.deepEqual((await it.replays().replay(root, {}, whole)).items, [])
  assert.equal((await it.submit(batch)).kind, 'acknowledged')
  assert.equal(ledger.size, size + 2 + batch.count)
  // Its personal values are sealed beside it.
  assert.equal((await ledger.readSide(0, ledger.size)).rows.length, 2)
  // The chain goes on, strict again.
  it.strict.isOn = true
  await it.seal('carol')
  assert.equal((await it.submit(await it.batchAt(batch.count))).kind, 'quarantined')
  const { store } = it
  assert.equal(await countUnverified(store.index, 'default', 0), batch.count)
  assert.equal(await countUnverified(store.index, 'default', size + 2), 0)
  const marks = await marksOfFills(store.index, 'default', 0, ledger.size)
  assert.deepEqual(
    [...marks.keys()],
    Array.from({ length: batch.count + 1 }, (_, i) => size + 1 + i),
  )
  assert.deepEqual(new Set(marks.values()), new Set(['unknown_key']))
})

test('ING-3 a wrong signature over lines that hang together is admitted and counted by its reason', async () => {
  await using it = await openIngest()
  it.strict.isOn = false
  await it.seal('a')
  const batch = await it.batchAt(0)
  const lines = Buffer.from(batch.lines).toString().split('\n')
  const head = JSON.parse(lines.at(-2) ?? '') as { head: { note: string } }
  const { note } = head.head
  const signed = note.at(-20) === 'A' ? 'B' : 'A'
  head.head.note = `${note.slice(0, -20)}${signed}${note.slice(-19)}`
  const forged = [...lines.slice(0, -2), JSON.stringify(head), ''].join('\n')
  const outcome = await it.submit({ ...batch, lines: Buffer.from(forged) })
  assert.deepEqual([outcome.kind, it.rowBook.of('default').unverified.invalid_signature], ['acknowledged', batch.count])
})

for (const [name, harm] of [
  ['garbage', (lines: Uint8Array) => Buffer.alloc(lines.length, 'x').fill('\n', lines.length - 1)],
  ['lines that are not whole', (lines: Uint8Array) => lines.subarray(0, lines.length - 1)],
  ['bytes that were altered on their way', (lines: Uint8Array) => flip(lines, 40)],
  [
    'lines of elsewhere in the chain',
    (lines: Uint8Array) => Buffer.from(Buffer.from(lines).toString().replace('"seq":1,', '"seq":7,')),
  ],
] as const)
  test(`ING-3 while strict signatures are off ${name} cannot be linked, and stays in quarantine or with its host`, async () => {
    await using it = await openIngest()
    it.strict.isOn = false
    await it.seal('a', 'b')
    const batch = await it.batchAt(0)
    const { size } = it.ledgers.get('default')
    const lines = harm(batch.lines)
    const outcome = await it.submit({ ...batch, lines, count: lines.filter((byte) => byte === 0x0a).length })
    assert.notEqual(outcome.kind, 'acknowledged')
    const bodies = await bodiesFrom(it, size)
    assert.ok(bodies.every((line) => 'stub' in line))
    assert.equal(it.rowBook.of('default').admitted, 0)
    assert.equal(it.rowBook.missing('default'), 0)
  })

test('ING-3 ING-8 a crash between stub and replay: the item waits, comes again as known, and is admitted once', async () => {
  await using it = await openIngest('unregistered')
  await it.seal('alice')
  it.strict.isOn = false
  const { seal } = it.side
  it.side.seal = async () => {
    throw new Error('kill -9')
  }
  const batch = await it.batchAt(0)
  const { size } = it.ledgers.get('default')
  await assert.rejects(it.submit(batch), /kill -9/)
  it.side.seal = seal
  assert.equal(it.ledgers.get('default').size, size + 1)
  const outcome = await it.submit(batch)
  assert.deepEqual(outcome.kind === 'acknowledged' && outcome.leafIndex, size)
  assert.equal((await it.replays().list(root, { state: 'waiting' }, -1, 10)).items.length, 1)
  await enterKey(it.store, it.keys, keyRow(it.signer, {}))
  const [item] = (await it.replays().replay(root, {}, whole)).items
  assert.deepEqual([item?.outcome, item?.lines], ['admitted', batch.count])
  assert.equal(it.ledgers.get('default').size, size + 2 + batch.count)
})

test('ING-3 strict again before its lines are in the ledger: they wait, and count as quarantined', async () => {
  await using it = await openIngest('unregistered')
  await it.seal('alice')
  it.strict.isOn = false
  const { seal } = it.side
  it.side.seal = async (...given) => {
    it.strict.isOn = true
    return seal(...given)
  }
  const outcome = await it.submit(await it.batchAt(0))
  assert.equal(outcome.kind, 'quarantined')
  assert.equal((await it.replays().list(root, { state: 'waiting' }, -1, 10)).items.length, 1)
  const { quarantined, unverified } = it.rowBook.of('default')
  assert.ok(quarantined.unknown_key > 0 && unverified.unknown_key === 0)
})

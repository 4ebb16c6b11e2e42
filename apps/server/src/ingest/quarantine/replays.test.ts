// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SealwatchError } from '@sealwatch/base'
import { enterKey } from '../../trust/test/host-key.ts'
import { at, byWhom, dayNs, flip, keyRow, openIngest, whole } from '../test/open-ingest.ts'

const root = byWhom({ kind: 'operator', id: 'root' })
type Opened = Awaited<ReturnType<typeof openIngest>>

const revoke = async (it: Opened, change: { revokedAt: string | null; compromisedSince: string | null }) => {
  const { revokedAt, compromisedSince } = change
  const { keyId } = it.signer
  const name = { tenant: 'default', key_id: keyId }
  await it.store.db
    .updateTable('signing_keys')
    .set({ revoked_at: revokedAt })
    .where('tenant', '=', 'default')
    .where('key_id', '=', keyId)
    .execute()
  if (revokedAt !== null)
    await it.store.db
      .insertInto('signing_key_revocations')
      .values({ ...name, revoked_at: revokedAt, cause: 'stolen', compromised_since: compromisedSince })
      .execute()
  await it.store.between((db) => it.keys.given(db, { tenant: 'default', keyId }))
}

/** A batch that came when its key was revoked, and the next of its chain, which came under a key that counts. */
async function openCovered(compromisedSince: string | null) {
  const revokedAt = at(-1n)
  const it = await openIngest({ revoked_at: revokedAt })
  await it.seal('a')
  const late = await it.batchAt(0)
  const outcome = await it.submit(late)
  assert.equal(outcome.kind === 'quarantined' && outcome.reason, 'key_revoked')
  const leaf = outcome.kind === 'quarantined' ? outcome.leafIndex : -1
  await assert.rejects(
    it.replays().ask(byWhom({ kind: 'person', id: 'usr_ann' }), leaf, 'x'),
    (error: SealwatchError) => {
      assert.equal(error.code, 'RELEASE_NOT_NEEDED')
      assert.match(error.advice, /stays as evidence.*anew, under its new key/)
      return true
    },
  )
  await revoke(it, { revokedAt: null, compromisedSince: null })
  await it.seal('b')
  assert.equal((await it.submit(await it.batchAt(late.count))).kind, 'acknowledged')
  await revoke(it, { revokedAt, compromisedSince })
  return it
}

const covers: readonly (readonly [string, string | null, string, string | null])[] = [
  ['a key that was revoked as planned: the later head covers the batch', null, 'admitted', null],
  ['a key that others had by then: the later head covers nothing', at(-dayNs), 'waiting', 'key_revoked'],
  ['a key that others had only later: the later head covers the batch', at(dayNs), 'admitted', null],
]
for (const [name, compromisedSince, outcome, reason] of covers) {
  test(`SIG-6 ${name}`, async () => {
    await using it = await openCovered(compromisedSince)
    const [item] = (await it.replays().replay(root, {}, whole)).items
    assert.deepEqual([item?.outcome, item?.reason], [outcome, reason])
  })
}

test('ING-4 ING-8 two replays of the same item at once, with an index that is behind: one admission', async () => {
  await using it = await openIngest({ valid_from: at(dayNs) })
  await it.seal('a')
  const early = await it.batchAt(0)
  assert.equal((await it.submit(early)).kind, 'quarantined')
  await it.store.db
    .updateTable('signing_keys')
    .set({ valid_from: at(-dayNs) })
    .where('tenant', '=', 'default')
    .execute()
  await it.store.between((db) => it.keys.given(db, { tenant: 'default', keyId: it.signer.keyId }))
  const replays = it.replays()
  assert.equal((await replays.replay(root, {}, { ...whole, dryRun: true })).items[0]?.outcome, 'admitted')
  const ledger = it.ledgers.get('default')
  const { size } = ledger
  const index = Promise.withResolvers<void>()
  it.gate.open = index.promise
  const both = await Promise.all([1, 2, 3].map(() => replays.replay(root, {}, whole))).finally(index.resolve)
  const outcomes = both.flatMap(({ items }) => items.map(({ outcome, admittedLeaf }) => [outcome, admittedLeaf]))
  assert.deepEqual(outcomes, [
    ['admitted', size],
    ['already', size],
    ['already', size],
  ])
  assert.equal(ledger.size, size + 1 + early.count)
})

test('ING-2 ING-4 a key that is revoked while an item is on its way in does not count: it is judged again', async () => {
  await using it = await openIngest({ valid_from: at(dayNs) })
  await it.seal('alice')
  assert.equal((await it.submit(await it.batchAt(0))).kind, 'quarantined')
  await it.store.db
    .updateTable('signing_keys')
    .set({ valid_from: at(-dayNs) })
    .where('tenant', '=', 'default')
    .execute()
  await it.store.between((db) => it.keys.given(db, { tenant: 'default', keyId: it.signer.keyId }))
  // Judged to be good; its personal values are sealed when the host is revoked.
  const { seal } = it.side
  it.side.seal = async (...given) => {
    it.keys.hostRevoked('host-1', at(-dayNs))
    return seal(...given)
  }
  const { size } = it.ledgers.get('default')
  const [item] = (await it.replays().replay(root, {}, whole)).items
  assert.deepEqual([item?.outcome, item?.reason], ['waiting', 'key_revoked'])
  assert.equal(it.ledgers.get('default').size, size)
})

test('ING-4 ING-8 of many items that come in together each does once, and one that is altered holds up nobody', async () => {
  await using it = await openIngest('unregistered')
  for (let i = 0; i < 70; i += 1) await it.seal(`a${i}`)
  let lines = 0
  for (let seq = 0; seq < it.chain.position.nextSeq; ) {
    const batch = await it.batchAt(seq)
    assert.equal((await it.submit(batch)).kind, 'quarantined')
    seq += batch.count
    lines += batch.count
  }
  await enterKey(it.store, it.keys, keyRow(it.signer, {}))
  const path = join(it.dir, 'quarantine/default/000000000000.items')
  const bytes = await readFile(path)
  await writeFile(path, flip(bytes, bytes.length - 1))
  const replays = it.replays()
  const first = (await replays.replay(root, {}, whole)).items
  assert.deepEqual(
    first.map(({ outcome }) => outcome),
    [...Array.from({ length: 69 }, () => 'admitted'), 'altered'],
  )
  await writeFile(path, bytes)
  const again = (await replays.replay(root, {}, whole)).items
  assert.deepEqual(
    again.map(({ outcome }) => outcome),
    ['admitted'],
  )
  assert.deepEqual((await replays.replay(root, {}, whole)).items, [])
  const ledger = it.ledgers.get('default')
  assert.equal(ledger.size, 1 + 2 * 70 + lines, 'the anchor, stubs, replays and lines')
})

test('ING-4 an item is judged as of the receipt that is sealed with it, whatever its row says', async () => {
  await using it = await openIngest({ valid_until: at(-dayNs) })
  await it.seal('a')
  assert.equal((await it.submit(await it.batchAt(0))).kind, 'quarantined')
  await it.store.db
    .updateTable('audit_signature_quarantine')
    .set({ received_at: at(-2n * dayNs) })
    .where('tenant', '=', 'default')
    .execute()
  const [item] = (await it.replays().replay(root, {}, whole)).items
  assert.deepEqual([item?.outcome, item?.reason], ['waiting', 'key_expired'])
})

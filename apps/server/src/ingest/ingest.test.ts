// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, systemDisk as disk } from '@sealwatch/base'
import type { ShipRequest } from '@sealwatch/contract'
import { type Line, parseLine, sha256 } from '@sealwatch/ledger'
import fc from 'fast-check'
import type { Reason } from '../trust/index.ts'
import { type Ledgers, openQuarantine } from './index.ts'
import { at, byWhom, dayNs, flip, host, type KeyChange, keyRow, openIngest, whole } from './test/open-ingest.ts'

const linesOf = async (ledgers: Ledgers): Promise<Line[]> => {
  const ledger = ledgers.get('default')
  const leaves = await ledger.read(0, ledger.size)
  return leaves.map(({ line }) => parseLine(sha256, line, 'reading the ledger').line)
}

test('LOG-1 ING-2 a batch is admitted byte for byte, its personal values are sealed beside', async () => {
  await using it = await openIngest()
  await it.seal('alice', 'bob')
  const request = await it.batchAt(0)
  assert.deepEqual(await it.submit(request), { kind: 'acknowledged', nextSeq: 4, leafIndex: 4 })
  const leaves = await it.ledgers.get('default').read(1, 4)
  assert.equal(leaves.map(({ line }) => `${Buffer.from(line)}\n`).join(''), Buffer.from(request.lines).toString())
  assert.doesNotMatch(await readFile(join(it.dir, 'ledgers/tenant-default/side'), 'latin1'), /alice/)
  assert.deepEqual(it.rowBook.total(), {
    received: 4,
    admitted: 4,
    refused: 0,
    duplicate: 0,
    quarantined: { unknown_key: 0, invalid_signature: 0, key_revoked: 0, key_not_yet_valid: 0, key_expired: 0 },
    unverified: { unknown_key: 0, invalid_signature: 0, key_revoked: 0, key_not_yet_valid: 0, key_expired: 0 },
  })
})

test('ING-8 a batch sent again is acknowledged and not stored again, at once and after others', async () => {
  await using it = await openIngest()
  await it.seal('a')
  await it.seal('b')
  const [first, second] = [await it.batchAt(0), await it.batchAt(3)]
  await Promise.all([it.submit(first), it.submit(second)])
  const { size } = it.ledgers.get('default')
  assert.deepEqual((await it.submit(second)).kind, 'acknowledged')
  assert.deepEqual((await it.submit(first)).kind, 'acknowledged')
  assert.equal(it.ledgers.get('default').size, size)
  assert.equal(it.rowBook.total().duplicate, first.count + second.count)
})

test('LOG-2 a batch with a gap is refused with the place to go on from', async () => {
  await using it = await openIngest()
  await it.seal('a')
  await it.seal('b')
  const outcome = await it.submit(await it.batchAt(3))
  assert.equal(outcome.kind, 'refused')
  assert.equal(outcome.kind === 'refused' && outcome.error.code, 'INGEST_GAP')
  assert.equal(outcome.kind === 'refused' && outcome.expected.nextSeq, 0)
  assert.equal(it.ledgers.get('default').size, 1)
})

test('LOG-2 other lines in the place of accepted ones are refused as a fork', async () => {
  await using it = await openIngest()
  await it.seal('a')
  const request = await it.batchAt(0)
  await it.submit(request)
  const outcome = await it.submit({ ...request, lines: flip(request.lines, request.lines.length - 30) })
  assert.equal(outcome.kind === 'refused' && outcome.error.code, 'INGEST_FORKED')
})

test('ING-8 other bytes at an old position are refused, also behind an honest last line', async () => {
  await using it = await openIngest()
  for (const name of ['a', 'b', 'c']) await it.seal(name)
  const starts = [0, 3, 5]
  const batches = await Promise.all(starts.map((seq) => it.batchAt(seq)))
  for (const batch of batches) assert.equal((await it.submit(batch)).kind, 'acknowledged')
  const [first] = batches as [ShipRequest]
  const outcome = await it.submit({ ...first, lines: flip(first.lines, 40) })
  assert.equal(outcome.kind === 'refused' && outcome.error.code, 'INGEST_FORKED')
})

test('ING-8 a number of lines that is not there is refused: no stub covers what was not sent', async () => {
  await using it = await openIngest()
  for (const name of ['a', 'b']) await it.seal(name)
  const [first, second] = [await it.batchAt(0), await it.batchAt(3)]
  const garbage = Buffer.from('garbage\n')
  const untrue = [
    { ...first, count: 500 },
    { ...first, count: 2 ** 32 - 1 },
    { ...first, count: 2, lines: garbage },
    { ...first, count: 1, lines: garbage.subarray(1, 3) },
  ]
  for (const batch of untrue) {
    const outcome = await it.submit(batch)
    assert.equal(outcome.kind === 'refused' && outcome.error.code, 'INGEST_MALFORMED')
    assert.equal(outcome.kind === 'refused' && outcome.expected.nextSeq, 0)
  }
  assert.equal(it.ledgers.get('default').size, 1, 'no stub')
  for (const batch of [first, second]) assert.equal((await it.submit(batch)).kind, 'acknowledged')
  const { received, admitted, refused } = it.rowBook.total()
  assert.deepEqual([received, admitted, refused], [13, 5, 8])
})

const cases: readonly [Reason, KeyChange | 'unregistered'][] = [
  ['unknown_key', 'unregistered'],
  ['unknown_key', { producer: 'another-host' }],
  ['key_revoked', { revoked_at: at(-1n) }],
  ['key_not_yet_valid', { valid_from: at(dayNs) }],
  ['key_expired', { valid_until: at(-1n) }],
]
for (const [reason, change] of cases) {
  test(`ING-2 ING-3 ${reason} (${typeof change === 'string' ? change : Object.keys(change).join()}): kept with its bytes, a stub in its place`, async () => {
    await using it = await openIngest(change)
    await it.seal('a')
    const request = await it.batchAt(0)
    const outcome = await it.submit(request)
    assert.equal(outcome.kind === 'quarantined' && outcome.reason, reason)
    const row = await it.store.db
      .selectFrom('audit_signature_quarantine')
      .selectAll()
      .where('tenant', '=', 'default')
      .executeTakeFirstOrThrow()
    assert.equal(row.reason, reason)
    assert.equal(row.signing_key_id, it.signer.keyId)
    assert.equal(row.stub_leaf_index, 1)
    const { bytes, beside } = await it.quarantine.read('default', row)
    assert.deepEqual(bytes, Buffer.from(request.lines))
    assert.deepEqual([beside?.receivedAt, beside?.side.length], [row.received_at, request.side.length])
    const [, stub] = await linesOf(it.ledgers)
    assert.deepEqual(stub && 'stub' in stub && stub.stub, {
      chain: it.chain.id,
      first_seq: 0,
      item: row.item,
      next_seq: 3,
      reason,
      registry: 0,
    })
    assert.equal(it.rowBook.total().quarantined[reason], 3)
    const again = await openQuarantine({ ...it, dir: join(it.dir, 'quarantine'), clock, disk })
    for (const { waiting } of [it.quarantine, again]) assert.equal(waiting.get('default')?.[reason], 3)
    assert.deepEqual(again.room, it.quarantine.room)
  })
}

test('ING-2 ING-6 a batch that was altered is quarantined, and the next one flows on', async () => {
  await using it = await openIngest()
  for (const name of ['a', 'b', 'c']) await it.seal(name)
  const starts = [0, 3, 5]
  const [first, second, third] = await Promise.all(starts.map((seq) => it.batchAt(seq)))
  const altered = { ...(second as ShipRequest), lines: flip((second as ShipRequest).lines, 40) }
  const outcomes = await Promise.all([first as ShipRequest, altered, third as ShipRequest].map(it.submit))
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['acknowledged', 'quarantined', 'acknowledged'],
  )
  assert.equal(outcomes[1]?.kind === 'quarantined' && outcomes[1].reason, 'invalid_signature')
  assert.deepEqual((await it.submit(altered)).kind, 'acknowledged', 'sent again, it is a duplicate')
  const { received, admitted, duplicate, refused, quarantined } = it.rowBook.total()
  assert.equal(
    received,
    admitted + duplicate + refused + Object.values(quarantined).reduce((sum, count) => sum + count),
  )
})

test('personal values that do not match their commitment are left out, and their lines are kept', async () => {
  await using it = await openIngest()
  await it.seal('alice')
  const request = await it.batchAt(0)
  const [side] = request.side as [ShipRequest['side'][0]]
  const forged = Buffer.from(Buffer.from(side.values).toString().replace('alice', 'mallo'))
  assert.equal((await it.submit({ ...request, side: [{ ...side, values: forged }] })).kind, 'acknowledged')
  assert.equal((await readFile(join(it.dir, 'ledgers/tenant-default/side'))).length, 0)
})

test('whatever bytes come, the outcome has a name, nothing is lost, and the chain goes on', async () => {
  await using it = await openIngest()
  // Whoever never saw the anchor does not know the epoch's key (chain.md, 5.2), nor that its signature was changed.
  await it.seal('w')
  assert.equal((await it.submit(await it.batchAt(0))).kind, 'acknowledged')
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      fc.uint8Array({ maxLength: 200 }),
      async (where, mask, replaces, noise) => {
        await it.seal('x')
        const { nextSeq } = it.ledgers.get('default').position(it.chain.id)
        const request = await it.batchAt(nextSeq)
        const lines = request.lines.slice()
        const i = where % lines.length
        lines[i] = (lines[i] as number) ^ mask
        const bytes = replaces ? noise : lines
        const outcome = await it.submit({ ...request, lines: bytes })
        const isWhole = bytes.filter((byte) => byte === 0x0a).length === request.count
        assert.equal(outcome.kind, isWhole ? 'quarantined' : 'refused')
        if (!isWhole) assert.equal((await it.submit(request)).kind, 'acknowledged')
        await it.seal('y')
        assert.equal((await it.submit(await it.batchAt(nextSeq + request.count))).kind, 'acknowledged')
      },
    ),
    { numRuns: 60 },
  )
})

test('behind a close that went to quarantine the next epoch is the word of the host alone (chain.md, 5.9)', async () => {
  await using it = await openIngest()
  const first = await it.seal('a').then(() => it.batchAt(0))
  assert.equal((await it.submit(first)).kind, 'acknowledged')
  await it.chain.closeEpoch()
  const closing = await it.batchAt(first.count)
  assert.equal((await it.submit({ ...closing, lines: flip(closing.lines, 40) })).kind, 'quarantined')
  await it.seal('b')
  const next = await it.batchAt(first.count + closing.count)
  const text = Buffer.from(next.lines).toString()
  const altered = text.replace(/(\/1 .{40})(.)/, (_, before, char) => `${before}${char === 'A' ? 'B' : 'A'}`)
  assert.notEqual(altered, text)
  const lines = Buffer.from(altered)
  assert.equal((await it.submit({ ...next, lines })).kind, 'acknowledged')
})

test('LOG-6 keys out of reach: what needs them is refused for now and comes again, what needs none goes in', async () => {
  await using it = await openIngest()
  await it.seal('alice')
  const first = await it.batchAt(0)
  it.kms.plugged = false
  it.sealing.evict()
  // The tenant's key was never made: nothing has to be unwrapped for the first batch.
  assert.equal((await it.submit(first)).kind, 'acknowledged')
  it.sealing.evict()
  await it.seal('bob')
  const second = await it.batchAt(first.count)
  const before = it.ledgers.get('default').size
  const outcome = await it.submit(second)
  assert.ok(outcome.kind === 'refused' && outcome.error.code === 'KEYS_UNAVAILABLE')
  assert.equal(outcome.expected.nextSeq, first.count)
  const forged = { ...second, lines: Buffer.from('not a line\n'.repeat(second.count)) }
  const unkept = await it.submit(forged)
  assert.ok(unkept.kind === 'refused' && unkept.error.code === 'KEYS_UNAVAILABLE', 'nothing lies there unsealed')
  assert.equal(it.ledgers.get('default').size, before)
  assert.equal((await it.submit({ ...second, side: [] })).kind, 'acknowledged')
  it.kms.plugged = true
  await it.seal('carol')
  assert.equal((await it.submit(await it.batchAt(first.count + second.count))).kind, 'acknowledged')
})

test('ING-2 a key that is revoked between judgement and place does not count: it is judged again', async () => {
  await using it = await openIngest()
  await it.seal('a')
  // It was judged to be good; its personal values are sealed when the host is revoked.
  let isSealing = false
  const { wrap } = it.kms
  it.kms.wrap = (...given) => {
    isSealing = true
    it.keys.hostRevoked(host.hostId, at(0n))
    return wrap(...given)
  }
  const outcome = await it.submit(await it.batchAt(0))
  assert.ok(isSealing)
  assert.deepEqual([outcome.kind, outcome.kind === 'quarantined' && outcome.reason], ['quarantined', 'key_revoked'])
})

test('ING-2 what was taken stays taken when the clock is set back', async () => {
  await using it = await openIngest()
  await it.seal('a')
  it.keys.hostRevoked(host.hostId, at(dayNs))
  const outcome = await it.submit(await it.batchAt(0))
  assert.deepEqual([outcome.kind, outcome.kind === 'quarantined' && outcome.reason], ['quarantined', 'key_revoked'])
})

const by = byWhom({ kind: 'operator', id: 'root' })

test('ING-4 ING-8 when its key is known a batch comes in, byte for byte, once, also where the database forgot', async () => {
  await using it = await openIngest('unregistered')
  await it.seal('alice')
  await it.seal('bob')
  const [first, second] = [await it.batchAt(0), await it.batchAt(3)]
  for (const request of [first, second]) assert.equal((await it.submit(request)).kind, 'quarantined')
  const replays = it.replays()
  const outcomes = async (page: object = {}) =>
    (await replays.replay(by, {}, { ...whole, ...page })).items.map(({ outcome }) => outcome)
  assert.deepEqual(await outcomes(), ['waiting', 'waiting'])
  await it.store.db.insertInto('signing_keys').values(keyRow(it.signer, {})).execute()
  await it.keys.given(it.store.db as never, { tenant: 'default', keyId: it.signer.keyId })
  const { size } = it.ledgers.get('default')
  assert.deepEqual(await outcomes({ dryRun: true }), ['admitted', 'admitted'])
  assert.equal(it.ledgers.get('default').size, size)
  // Two at once, and one that knows nothing of what the first did.
  const both = await Promise.all([
    replays.replay(by, {}, whole),
    it.replays().replay(by, {}, { ...whole, after: 9e15 }),
  ])
  assert.deepEqual(
    both[0].items.map(({ outcome, lines }) => [outcome, lines]),
    [
      ['admitted', first.count],
      ['admitted', second.count],
    ],
  )
  const grown = it.ledgers.get('default').size
  assert.equal(grown, size + 2 + first.count + second.count)
  const filled = await it.ledgers.get('default').read((both[0].items[0]?.admittedLeaf ?? 0) + 1, first.count)
  assert.equal(filled.map(({ line }) => `${Buffer.from(line)}\n`).join(''), Buffer.from(first.lines).toString())
  assert.doesNotMatch(await readFile(join(it.dir, 'ledgers/tenant-default/side'), 'latin1'), /alice/)
  assert.ok((await it.ledgers.get('default').readSide(0, grown)).rows.length >= 2)
  assert.deepEqual(await outcomes(), [])
  // A crash between the ledger and the note.
  await it.store.db
    .updateTable('audit_signature_quarantine')
    .set({ state: 'waiting', admitted_leaf_index: null })
    .where('tenant', '=', 'default')
    .execute()
  const again = await it.replays().replay(by, {}, whole)
  assert.deepEqual(
    again.items.map(({ outcome }) => outcome),
    ['already', 'already'],
  )
  assert.equal(it.ledgers.get('default').size, grown)
  // Sent once more, it is known.
  assert.equal((await it.submit(first)).kind, 'acknowledged')
})

test('ING-4 what no signature covers waits for people, and altered bytes are named', async () => {
  await using it = await openIngest()
  await it.seal('a')
  const request = await it.batchAt(0)
  const forged = Buffer.from(
    Buffer.from(request.lines).toString('latin1').replace('"class_uid"', '"class_uix"'),
    'latin1',
  )
  const outcome = await it.submit({
    ...request,
    lines: forged.equals(request.lines) ? flip(request.lines, 40) : forged,
  })
  assert.equal(outcome.kind === 'quarantined' && outcome.reason, 'invalid_signature')
  const replays = it.replays()
  const [item] = (await replays.replay(by, {}, whole)).items
  assert.deepEqual([item?.outcome, item?.reason], ['release', 'invalid_signature'])
  const path = join(it.dir, 'quarantine/default/000000000000.items')
  const sealed = await readFile(path)
  await writeFile(path, flip(sealed, sealed.length - 1))
  assert.equal((await replays.replay(by, {}, whole)).items[0]?.outcome, 'altered')
})

test('ING-2 a batch that came after its key had ended counts once the host goes on from it under a key that counts', async () => {
  await using it = await openIngest({ valid_until: at(-1n) })
  await it.seal('a')
  const late = await it.batchAt(0)
  const outcome = await it.submit(late)
  assert.equal(outcome.kind === 'quarantined' && outcome.reason, 'key_expired')
  const replays = it.replays()
  assert.deepEqual(
    (await replays.replay(by, {}, whole)).items.map(({ reason }) => reason),
    ['key_expired'],
  )
  await it.store.db.updateTable('signing_keys').set({ valid_until: null }).where('tenant', '=', 'default').execute()
  await it.keys.given(it.store.db as never, { tenant: 'default', keyId: it.signer.keyId })
  await it.seal('b')
  assert.equal((await it.submit(await it.batchAt(late.count))).kind, 'acknowledged')
  await it.store.db
    .updateTable('signing_keys')
    .set({ valid_until: at(-1n) })
    .where('tenant', '=', 'default')
    .execute()
  await it.keys.given(it.store.db as never, { tenant: 'default', keyId: it.signer.keyId })
  assert.deepEqual(
    (await replays.replay(by, {}, whole)).items.map(({ outcome: now }) => now),
    ['admitted'],
  )
})

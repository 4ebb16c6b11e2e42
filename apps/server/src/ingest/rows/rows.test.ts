// SPDX-License-Identifier: Apache-2.0
// On real ledgers, stores and files; keys and signatures are real, too.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, systemDisk as disk, rfc3339 } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { auditLedgers } from '@sealwatch/ledger'
import type { KeyRow } from '../../trust/test/host-key.ts'
import { countUnverified } from '../unverified.ts'
import { billing, ed25519, type Key, one, openRooms, rowOf, rsa, signed, temporary } from './test/open-rows.ts'

const kinds = (outcomes: readonly { kind: string }[]) => outcomes.map(({ kind }) => kind)

test('rows signed by Ed25519 and RSA, detached and DSSE, one and many, stand in the ledger byte for byte (ING-2)', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(one))
  await it.enter(rowOf(rsa))
  const sent = [
    signed(['{"a": 1}']),
    signed(['{"b":1}', '{"b":\t2}\r'], { form: 'dsse' }),
    signed(['{"c":1}'], {}, rsa),
    signed(['"\\u00e4"', 'ä', '\ufeff'], { form: 'dsse' }, rsa),
  ]
  const outcomes = await it.rows.submit(billing, sent)
  assert.deepEqual(kinds(outcomes), ['admitted', 'admitted', 'admitted', 'admitted'])
  assert.deepEqual(await it.textsIn(), ['{"a": 1}', '{"b":1}', '{"b":\t2}\r', '{"c":1}', '"\\u00e4"', 'ä', '\ufeff'])
  assert.deepEqual(it.rowBook.of('acme').admitted, 7)
  await it.seal()
  const audit = await auditLedgers(join(dir.path, 'ledgers'), { disk, trust: [] })
  assert.deepEqual(
    audit.ledgers.map(({ problem }) => problem),
    audit.ledgers.map(() => undefined),
  )
})

test('what does not verify goes to quarantine, for the reason that comes first, and its stub takes its place (ING-2, ING-3)', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const keysOf = (name: string) => ed25519(name)
  const [orders, gone, late, early, other] = ['orders-1', 'gone', 'late', 'early', 'other'].map(keysOf) as Key[]
  const nowNs = clock.nowNs()
  const day = 86_400_000_000_000n
  await it.enter(rowOf(one))
  await it.enter(rowOf(orders as Key, { producer: 'orders' }))
  await it.enter(rowOf(gone as Key, { revoked_at: rfc3339(nowNs - day) }))
  await it.enter(rowOf(late as Key, { valid_until: rfc3339(nowNs - day) }))
  await it.enter(rowOf(early as Key, { valid_from: rfc3339(nowNs + day) }))
  await it.enter(rowOf(other as Key, { tenant: 'default' }))
  const text = '{"amount": 10}'
  const good = signed([text])
  const cases: [string, SignedRows][] = [
    ['unknown_key', signed(['x'], { keyId: 'nobody' })],
    ['unknown_key', signed(['x'], {}, orders)],
    ['unknown_key', signed(['x'], {}, other)],
    ['invalid_signature', signed(['x'], { algorithm: 'rsa-sha256' })],
    ['invalid_signature', signed(['x'], { signature: new Uint8Array(64) })],
    ['invalid_signature', signed(['x'], { signature: new Uint8Array(10) })],
    // Re-encoded on the way: the same JSON, other bytes.
    ['invalid_signature', { ...good, payload: Buffer.from(JSON.stringify(JSON.parse(text))) }],
    ['invalid_signature', { ...signed(['x'], { form: 'dsse' }), form: 'detached' }],
    ['invalid_signature', { ...signed(['x'], { form: 'dsse' }), payloadType: 'text/plain' }],
    ['key_revoked', signed(['x'], {}, gone)],
    ['key_expired', signed(['x'], {}, late)],
    ['key_not_yet_valid', signed(['x'], {}, early)],
  ]
  const outcomes = await it.rows.submit(
    billing,
    cases.map(([, submission]) => submission),
  )
  assert.deepEqual(
    outcomes.map((outcome) => 'reason' in outcome && outcome.reason),
    cases.map(([reason]) => reason),
  )
  assert.deepEqual(await it.textsIn(), [])
  const stubs = (await it.stubsIn()).map(({ id, reason }) => `${id} ${reason}`)
  assert.deepEqual(stubs.sort(), cases.map(([reason, { id }]) => `${id} ${reason}`).sort())
  const { received, quarantined } = it.rowBook.of('acme')
  assert.deepEqual([received, quarantined.invalid_signature, it.rowBook.missing('acme')], [12, 6, 0])
  // The same again is in quarantine already, and is not kept twice.
  const again = await it.rows.submit(billing, [cases[0]?.[1] as SignedRows])
  assert.deepEqual(again, outcomes.slice(0, 1))
  assert.equal((await it.stubsIn()).length, cases.length)
})

test('ING-3 while strict signatures are off rows that fail are admitted byte for byte, each of them marked with why', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(one, { valid_until: rfc3339(clock.nowNs()) }))
  it.loose.add('acme')
  const stranger = ed25519('billing-9')
  const sent = [
    signed(['{"a": 1}', '{"a":2}\r'], {}, stranger),
    signed(['{"b":1}'], { signature: new Uint8Array(64) }),
    signed(['{"c":1}']),
    signed(['no rows\n\n'], {}, stranger),
  ]
  const outcomes = await it.rows.submit(billing, sent)
  assert.deepEqual(kinds(outcomes), ['admitted', 'admitted', 'admitted', 'refused'])
  const marks = outcomes.map((outcome) => (outcome.kind === 'admitted' ? outcome.mark : undefined))
  assert.deepEqual(marks, ['unknown_key', 'invalid_signature', 'key_expired', undefined])
  assert.deepEqual(await it.textsIn(), ['{"a": 1}', '{"a":2}\r', '{"b":1}', '{"c":1}'])
  assert.deepEqual(await it.marksIn(), ['unknown_key', 'unknown_key', 'invalid_signature', 'key_expired'])
  const { admitted, refused, unverified } = it.rowBook.of('acme')
  assert.deepEqual(
    [admitted, unverified.unknown_key, unverified.invalid_signature, unverified.key_expired],
    [4, 2, 1, 1],
  )
  assert.deepEqual([it.rowBook.missing('acme'), it.rowBook.of('acme').received - admitted], [0, refused])
  assert.deepEqual(kinds(await it.rows.submit(billing, sent.slice(0, 3))), ['duplicate', 'duplicate', 'duplicate'])
  await it.indexed.waitFor('acme', it.ledger.size)
  assert.equal(await countUnverified(it.store.index, 'acme', 0), 4)
  // Strict again: what comes from now on stays out.
  it.loose.clear()
  assert.deepEqual(kinds(await it.rows.submit(billing, [signed(['{"d":1}'], {}, stranger)])), ['quarantined'])
  await it.seal()
  const audit = await auditLedgers(join(dir.path, 'ledgers'), { disk, trust: [] })
  const acme = audit.ledgers.find(({ unverified: rows }) => rows > 0)
  assert.deepEqual([acme?.problem, acme?.unverified], [undefined, 4])
})

test('an id stands for its first bytes, for ever, whoever comes when: also at once, and after a start (ING-8)', async () => {
  await using dir = await temporary()
  const first = signed(['1'], { id: 'same' })
  const otherBytes = signed(['2'], { id: 'same' })
  {
    await using it = await openRooms(dir.path)
    await it.enter(rowOf(one))
    const [a, b, c] = await Promise.all([
      it.rows.submit(billing, [first, first]),
      it.rows.submit(billing, [first]),
      it.rows.submit(billing, [otherBytes, signed(['3'])]),
    ])
    assert.deepEqual(kinds([...a, ...b]), ['admitted', 'duplicate', 'duplicate'])
    assert.deepEqual(kinds(c), ['refused', 'admitted'])
    assert.equal('code' in (c[0] as object) && (c[0] as { code: string }).code, 'SUBMISSION_ID_TAKEN')
    // Another service, or another tenant, has ids of its own.
    assert.equal((await it.rows.submit({ ...billing, producer: 'orders' }, [first]))[0]?.kind, 'quarantined')
  }
  await using it = await openRooms(dir.path)
  const [again, other] = await it.rows.submit(billing, [first, otherBytes])
  assert.deepEqual([again?.kind, other?.kind], ['duplicate', 'refused'])
  assert.deepEqual(await it.textsIn(), ['1', '3'])
  const { received, duplicate, refused } = it.rowBook.of('acme')
  assert.deepEqual([received, duplicate, refused, it.rowBook.missing('acme')], [2, 1, 1, 0])
})

test('garbage is refused, named and counted, and the good rows beside it are taken', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(one))
  const garbage: Partial<SignedRows>[] = [
    { id: '' },
    { id: 'a b' },
    { id: 'x'.repeat(129) },
    { payload: new Uint8Array(0) },
    { payload: Uint8Array.of(0xff) },
    { payload: Buffer.from('a\nb') },
    { payload: Buffer.from('a\n\nb\n') },
    { payload: Buffer.alloc(1024 * 1024 + 1, 'x') },
    { payload: Buffer.from('x'.repeat(30_001)) },
    { payload: Buffer.from('a\u0000') },
    { payloadType: '' },
    { payloadType: '\ud800' },
    { keyId: '' },
    { keyId: 'kä' },
    { algorithm: 'hmac-sha256' },
    { algorithm: '__proto__' },
    { form: 'jws' as never },
    { signature: new Uint8Array(0) },
    { signature: new Uint8Array(1025) },
  ]
  const sent = garbage.flatMap((change) => [signed(['x'], change), signed(['good'])])
  const outcomes = await it.rows.submit(billing, sent)
  assert.deepEqual(
    kinds(outcomes),
    garbage.flatMap(() => ['refused', 'admitted']),
  )
  assert.equal(it.rowBook.missing('acme'), 0)
  assert.equal((await it.textsIn()).length, garbage.length)
})

/** For those who send more than one service may. */
const all = { bytes: 1e9, requests: 1e9, bytesPerSecond: 1e9 }
const wide = { service: all, tenant: all }

test('unknown keys of one service, hundreds of them, leave a bounded trace in metrics', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path, undefined, { roomMax: wide })
  for (let from = 0; from < 300; from += 100) {
    const sent = Array.from({ length: 100 }, (_, i) => signed(['x'], { keyId: `made-up-${from + i}` }))
    assert.ok((await it.rows.submit(billing, sent)).every(({ kind }) => kind === 'quarantined'))
  }
  assert.equal(it.rowBook.of('acme').quarantined.unknown_key, 300)
  const told = [...it.rowBook.rejected()].flatMap(([, keys]) => [...keys.read()])
  assert.ok(told.length <= 101, `${told.length} keys are told apart`)
})

test('ING-3 ING-6 ten thousand keys that nobody knows: memory, metrics and disk stay below their maxima, and the rest stays with the producer', async () => {
  await using dir = await temporary()
  const max = { items: 2_000, bytes: 5_000_000 }
  await using it = await openRooms(dir.path, max, { roomMax: wide })
  const [pattern] = [signed(['{"a":1}'])]
  const counts = { quarantined: 0, refused: 0 }
  for (let first = 0; first < 10_000; first += 100) {
    const request = Array.from({ length: 100 }, (_, i) => ({
      ...pattern,
      id: `row-${first + i}`,
      keyId: `made-up-${first + i}`,
    }))
    for (const outcome of await it.rows.submit(billing, request as never)) {
      assert.ok(outcome.kind === 'quarantined' || outcome.kind === 'refused')
      counts[outcome.kind] += 1
      if (outcome.kind === 'refused')
        assert.deepEqual([outcome.code, (outcome.retryAfter ?? 0) > 0], ['QUARANTINE_FULL', true])
    }
  }
  // What is under way when it becomes full still comes in: a request.
  assert.ok(counts.quarantined >= max.items && counts.quarantined <= max.items + 100, `${counts.quarantined} items`)
  assert.equal(counts.refused, 10_000 - counts.quarantined)
  assert.equal(it.rowBook.missing('acme'), 0)
  assert.equal(it.quarantine.room.get('acme')?.items, counts.quarantined)
  const [[, keys] = []] = [...it.rowBook.rejected()]
  assert.ok(Array.from(keys?.read() ?? []).length <= 101)
  const folder = join(dir.path, 'quarantine/acme')
  const names = await readdir(folder)
  assert.equal(names.length, 1)
  assert.ok((await stat(join(folder, names[0] ?? ''))).size <= max.bytes)
})

test('ING-3 a service waits between those that go to quarantine, and not between those that are admitted', async () => {
  let waits = 0
  const sleep = async (ms: number) => {
    if (ms > 0) waits += 1
    await clock.sleep(ms)
  }
  await using dir = await temporary()
  await using it = await openRooms(dir.path, undefined, { clock: { ...clock, sleep } })
  await it.enter(rowOf(one))
  const sent = () => Array.from({ length: 40 }, () => signed(['x']))
  await it.rows.submit(billing, sent())
  assert.equal(waits, 0)
  const kept = await it.rows.submit(
    billing,
    sent().map((submission) => ({ ...submission, keyId: 'unknown' })),
  )
  assert.ok(kept.every(({ kind }) => kind === 'quarantined'))
  assert.ok(waits > 0)
})

test('a service that sends more than its share waits, and those of another tenant do not', async () => {
  await using dir = await temporary()
  const heldMs: number[] = []
  const sleep = (ms: number) => {
    if (ms > 0) heldMs.push(ms)
    return clock.sleep(0)
  }
  await using it = await openRooms(dir.path, undefined, { clock: { ...clock, sleep } })
  await it.enter(rowOf(one))
  const rows = Array.from({ length: 35 }, () => 'x'.repeat(29_000))
  const sent = () => Array.from({ length: 4 }, () => signed(rows))
  const flood = Promise.all(Array.from({ length: 8 }, () => it.rows.submit(billing, sent())))
  const [beside] = await it.rows.submit({ tenant: 'default', producer: 'x' }, [signed(['x'])])
  assert.equal(beside?.kind, 'quarantined')
  const outcomes = (await flood).flat()
  const refused = outcomes.filter(({ kind }) => kind === 'refused')
  assert.ok(refused.length > 0 && refused.length < outcomes.length)
  assert.ok(refused.every((one) => 'code' in one && one.code === 'ROWS_LIMITED' && (one.retryAfter ?? 0) > 0))
  assert.ok(heldMs.length > 0 && heldMs.every((ms) => ms >= 900), 'they are told late')
  assert.equal(it.rowBook.missing('acme'), 0)
})

test('ING of two services the one that brings little waits for one submission of the other, and not for its hundred', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(one))
  const two = ed25519('beside-1')
  await it.enter(rowOf(two, { producer: 'beside' }))
  const many = Array.from({ length: 100 }, () => signed(['x']))
  const sent = [
    it.rows.submit(billing, many),
    it.rows.submit({ tenant: 'acme', producer: 'beside' }, [signed(['y'], {}, two)]),
  ]
  assert.ok((await Promise.all(sent)).flat().every(({ kind }) => kind === 'admitted'))
  const order = (await it.leavesOf('acme')).flatMap(({ submission }) => submission?.producer ?? [])
  assert.equal(order.length, 101)
  assert.equal(order.indexOf('beside'), 1)
})

test('a submission that fails while the next ones of its request wait fails the request, and not the server', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const gone = () => {
    throw new Error('the tenant is gone')
  }
  Object.defineProperty(it.keys.of('acme'), 'version', { get: gone })
  const many = Array.from({ length: 20 }, () => signed(['x']))
  await assert.rejects(it.rows.submit(billing, many), /the tenant is gone/)
})

test('a service that was halted keeps its rows, and hears when to come again', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const { keys } = it
  const halted = { tenant: 'acme', kind: 'service', producer: 'billing', haltedAt: rfc3339(1n) }
  const of = keys.of('acme')
  Object.assign(of, { producer: () => halted })
  const [outcome] = await it.rows.submit(billing, [signed(['x'])])
  assert.ok(outcome?.kind === 'refused' && outcome.code === 'PRODUCER_HALTED' && outcome.retryAfter === 60)
})

test('ING-2 golden submissions of vectors/submission come to what is written beside them', async () => {
  const vectors = <T>(name: string) =>
    JSON.parse(readFileSync(new URL(`../../../../../vectors/submission/${name}.json`, import.meta.url), 'utf8')) as T[]
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  for (const key of vectors<KeyRow>('keys')) await it.enter({ ...key, tenant: 'acme' })
  const golden = vectors<{ name: string; submission: Record<string, string>; outcome: string }>('submissions')
  const outcomes = await it.rows.submit(
    billing,
    golden.map(({ submission: { payload = '', payload_type, key_id, signature = '', ...rest } }) => {
      const [payloadType, keyId] = [payload_type, key_id]
      const sent = { ...rest, payloadType, keyId, payload: Uint8Array.fromBase64(payload) }
      return { ...sent, signature: Uint8Array.fromBase64(signature) } as SignedRows
    }),
  )
  assert.deepEqual(
    outcomes.map((it) => (it.kind === 'quarantined' ? it.reason : it.kind === 'refused' ? it.code : it.kind)),
    golden.map(({ outcome }) => outcome),
  )
})

test('ING-3 the same bytes that come to two tenants are an item of each', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  const sent = signed(['a'])
  for (const tenant of ['acme', 'default']) {
    assert.equal((await it.rows.submit({ ...billing, tenant }, [sent]))[0]?.kind, 'quarantined')
    const { db } = it.store
    const [row] = await db.selectFrom('audit_signature_quarantine').selectAll().where('tenant', '=', tenant).execute()
    assert.ok(row !== undefined && row.stub_leaf_index !== null, `no row of ${tenant}`)
    await it.quarantine.read(tenant, row)
  }
})

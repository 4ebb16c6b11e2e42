// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, rfc3339, systemClock } from '@sealwatch/base'
import { createHealth } from '@sealwatch/base/health'
import { generateSigner } from '@sealwatch/keys'
import { type KeyColumns, registryLine } from '../identity/index.ts'
import { createOutbox, type Outbox, openStore } from '../store/index.ts'
import { addClockHealth, openKeyRegistry } from './index.ts'
import { enterKey, hostKeyRow } from './test/host-key.ts'

async function rooms() {
  const store = openStore(':memory:')
  const open = (outbox?: Pick<Outbox, 'committed'>) => openKeyRegistry({ store, outbox, versionOf: () => 7 })
  return { store, open, [Symbol.asyncDispose]: () => store.close() }
}

test('ING-1 a host’s key is known in its tenant and in the cluster’s, where its lines go too, and in no other', async () => {
  await using it = await rooms()
  const signer = generateSigner()
  const keys = await it.open()
  await enterKey(it.store, keys, hostKeyRow(signer, { hostId: 'h', tenant: 'acme' }))
  for (const held of [keys, await it.open()]) {
    assert.equal(held.of('acme').key(signer.keyId)?.producer, 'h')
    assert.equal(held.of('cluster').key(signer.keyId)?.tenant, 'acme')
    assert.equal(held.of('cluster').producer('host', 'h')?.tenant, 'acme')
    assert.equal(held.of('globex').key(signer.keyId), undefined)
    assert.equal(held.of('acme').version, 7)
  }
})

test('ING-2 the keys of a revoked host count no more at once, and what was judged before is known to be old', async () => {
  await using it = await rooms()
  const [one, other] = [generateSigner(), generateSigner()]
  const keys = await it.open()
  await enterKey(it.store, keys, hostKeyRow(one, { hostId: 'h', tenant: 'acme' }))
  await enterKey(it.store, keys, hostKeyRow(other, { hostId: 'i', tenant: 'acme' }))
  const { edition } = keys.of('acme')
  keys.hostRevoked('h', rfc3339(5n))
  assert.notEqual(keys.of('acme').edition, edition)
  assert.equal(keys.of('acme').key(one.keyId)?.revokedAt, rfc3339(5n))
  assert.equal(keys.of('cluster').key(one.keyId)?.revokedAt, rfc3339(5n))
  assert.equal(keys.of('acme').key(other.keyId)?.revokedAt, null)
})

test('ING-1 in one tenant no key stands twice; hosts’ keys outlast their tenant, and stay refused', async () => {
  await using it = await rooms()
  const signer = generateSigner()
  const keys = await it.open()
  const row = hostKeyRow(signer, { hostId: 'h', tenant: 'acme' })
  await enterKey(it.store, keys, row)
  await assert.rejects(enterKey(it.store, keys, { ...row, key_id: 'another' }), /UNIQUE/)
  await assert.rejects(enterKey(it.store, keys, { ...row, public_key: '00' }), /UNIQUE/)
  await it.store.forget('acme')
  assert.equal((await it.open()).of('cluster').key(signer.keyId)?.producer, 'h')
})

test('ING-1 after a restart what was given counts when its line is in the ledger, and until then its producer is asked to come again', async () => {
  await using it = await rooms()
  const row = (keyId: string, producer: string, state: 'active' | 'candidate' = 'active') =>
    ({ ...hostKeyRow(generateSigner(), { hostId: producer, tenant: 'acme' }), key_id: keyId, state }) as KeyColumns
  const service = { producer_kind: 'service', source: 'api' } as const
  const old = { ...row('old', 'billing'), ...service }
  const added = { ...row('added', 'billing'), ...service }
  const promoted = { ...row('promoted', 'orders'), ...service }
  const ended = { ...row('ended', 'stock'), ...service, valid_until: rfc3339(9n) }
  const standing = createOutbox(it.store)
  const enqueue = (key: KeyColumns, change: 'added' | 'state' | 'withdrawn') =>
    it.store.transaction((tx) => standing.enqueue(tx, 'acme', registryLine(key, { change, changedAt: rfc3339(1n) })))
  await it.store.db.insertInto('signing_keys').values([old, added, promoted, ended]).execute()
  const uids = [await enqueue(added, 'added'), await enqueue(promoted, 'state')]
  await enqueue(ended, 'withdrawn')

  const lines = new Map(uids.map((uid) => [uid, Promise.withResolvers<number>()]))
  const committed = ((uid: string) => lines.get(uid)?.promise) as Outbox['committed']
  const keys = await it.open({ committed })
  const of = keys.of('acme')
  assert.equal(of.key('old')?.state, 'active')
  assert.equal(of.key('added'), undefined)
  assert.equal(of.key('promoted')?.state, 'staged')
  assert.equal(of.key('ended')?.validUntil, rfc3339(9n), 'what is taken counts at once')
  const settling = () => ['billing', 'orders', 'stock'].filter((name) => of.isSettling('service', name))
  assert.deepEqual(settling(), ['billing', 'orders'])
  assert.equal(keys.of('globex').isSettling('service', 'billing'), false)
  assert.throws(() => of.checkRunning('service', 'billing', 'a test'), { code: 'PRODUCER_SETTLING' })
  of.checkRunning('service', 'stock', 'a test')
  for (const [i, { resolve }] of [...lines.values()].entries()) resolve(i)
  while (settling().length > 0) await it.store.between(async () => undefined)
  assert.equal(of.key('added')?.keyId, 'added')
  assert.equal(of.key('promoted')?.state, 'active')
})

test('ING-2 whose end lies ahead of a clock that was set back is told: its rows are judged as of then', async () => {
  await using it = await rooms()
  const ns = (seconds: number) => BigInt(seconds) * 1_000_000_000n
  const key = { ...hostKeyRow(generateSigner(), { hostId: 'billing', tenant: 'acme' }), key_id: 'k' } as KeyColumns
  const ended = { ...key, producer_kind: 'service', source: 'api', revoked_at: rfc3339(ns(100)) } as const
  await it.store.db.insertInto('signing_keys').values(ended).execute()
  const keys = await it.open()
  const clock = { now: 99, nowNs: () => ns(clock.now) }
  const health = createHealth({
    component: 'test',
    version: '1',
    clock: systemClock,
    log: createLog('test', () => undefined, systemClock.nowMs),
  })
  addClockHealth(health, { keys, clock })
  const shown = () => (health.liveness() as Record<string, unknown>).judging_time
  const gauge = () => /^sealwatch_judging_ahead_seconds (\d+)$/m.exec(health.metrics.text())?.[1]
  const ahead = [{ tenant: 'acme', key_id: 'k', until: rfc3339(ns(100)) }]
  assert.deepEqual(shown(), { level: 'warning', state: 'ahead of the clock', keys: 1, ahead })
  assert.equal(gauge(), '1')
  assert.equal(keys.of('acme').receivedAt(clock.nowNs(), 'k'), rfc3339(ns(100)))
  clock.now = 100
  assert.deepEqual([shown(), gauge()], [{ level: 'ok', state: 'clock', keys: 0, ahead: [] }, '0'])
})

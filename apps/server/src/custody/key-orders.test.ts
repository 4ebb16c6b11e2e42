// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, createLog, errorsOf, type JsonObject, systemClock, systemDisk } from '@sealwatch/base'
import { type MasterKey, openSealing, sealingError } from '@sealwatch/keys/sealing'
import type { ServerVoice } from '../identity/index.ts'
import { createOutbox, openStore, type Store, writeErrors } from '../store/index.ts'
import { type KeyOrder, openKeyOrders } from './key-orders.ts'

const os = { name: 'Linux', type_id: 200, type: 'Linux' }
const voice: ServerVoice = { device: { uid: 'd1', hostname: 'here', type_id: 0, type: 'Unknown', os }, version: '0' }
const at = { tenant: 'default', purpose: 'evidence', place: 'evidence/1' } as const
const order = (incident: string): KeyOrder => ({ incident, way: 'proc_mem_read', source: 'guard' })

/** A keeper elsewhere that answers when the test says that it can be reached. */
function farKeeper() {
  const keeper = { reached: true, begun: 0, asked: 0 }
  const check = () => {
    if (!keeper.reached) throw sealingError('KEYS_UNAVAILABLE', { attempted: 'asking KMS', received: 'no answer' })
  }
  const kms: MasterKey = {
    begin: async () => {
      keeper.asked += 1
      check()
      keeper.begun += 1
      return 'arn'
    },
    wrap: async (_keyId, _place, key) => Uint8Array.from(key),
    unwrap: async (_keyId, _place, wrapped) => Uint8Array.from(wrapped),
    check: async () => undefined,
    probe: async () => undefined,
    destroy: async () => undefined,
  }
  return { keeper, kms }
}

/** Time that passes when somebody sleeps through it. */
function ownClock() {
  let nowNs = systemClock.nowNs()
  const clock: Clock = {
    nowMs: () => Number(nowNs / 1_000_000n),
    nowNs: () => nowNs,
    monotonicNs: () => nowNs,
    sleep: async (ms, signal) => {
      // Whoever waits for a bell hears it first.
      for (let i = 0; i < 20; i += 1) await new Promise(setImmediate)
      if (signal?.aborted !== true) nowNs += BigInt(ms) * 1_000_000n
    },
  }
  return { clock, slept: (sinceNs: bigint) => Number((nowNs - sinceNs) / 1_000_000_000n) }
}

async function openRoom(dir: string, kms: MasterKey, clock: Clock, wrap: (store: Store) => Store = (store) => store) {
  const store = openStore(dir)
  const cache = { ttlMs: 600_000_000, keysMax: 64 }
  const sealing = await openSealing({ dir: join(dir, 'keys'), kmsKeyId: 'k', kms, cache, clock, disk: systemDisk })
  const outbox = createOutbox(store)
  const log = createLog('test', () => undefined, clock.nowMs)
  const orders = await openKeyOrders({ sealing, store: wrap(store), outbox, voice, clock, log })
  const stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  const eventsOf = async () =>
    (await outbox.waiting(1000)).map(({ tenant, body }) => {
      const { event } = body as { event: JsonObject }
      assert.equal(tenant, 'cluster')
      const { event_code: code } = event.metadata as JsonObject
      return { code, ...(event.unmapped as JsonObject), isAlert: event.is_alert }
    })
  const run = () => {
    running = orders.run(stop.signal)
  }
  const close = async () => {
    stop.abort()
    await running
    sealing.close()
    await store.close()
  }
  return { orders, sealing, store, eventsOf, run, [Symbol.asyncDispose]: close }
}

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-orders-'))
const codesOf = (events: readonly { readonly code: unknown }[]) => events.map(({ code }) => code)

test('RIM-4 an incident: every key in memory is wiped at once, an epoch begins, and the ledger says both with the incident', async () => {
  await using dir = await temporary()
  const { kms } = farKeeper()
  await using room = await openRoom(dir.path, kms, systemClock)
  const { orders, sealing } = room
  room.run()
  const sealed = await sealing.seal(at, Buffer.from('secret'))
  assert.equal(sealing.cached, 1)
  const evicted = orders.evict(order('a'))
  assert.equal(sealing.cached, 0, 'before anything is written')
  assert.equal(await evicted, 1)
  assert.equal(await orders.rotate(order('a')), 2)
  assert.equal((await sealing.seal(at, Buffer.from('x')))[4], 2)
  assert.equal(Buffer.from(await sealing.open(at, sealed)).toString(), 'secret')
  // Told again, by the socket and by the ledger: wiped again, for that costs little, and nothing else.
  await orders.evict({ ...order('a'), source: 'ledger' })
  assert.equal(await orders.rotate({ ...order('a'), source: 'ledger' }), 2)
  assert.equal(sealing.epoch, 2)
  const events = await room.eventsOf()
  assert.deepEqual(codesOf(events), ['keys_evicted', 'keys_rotated'])
  for (const event of events) {
    const { incident_id, incident_way, incident_source } = event as JsonObject
    assert.deepEqual([incident_id, incident_way, incident_source], ['a', 'proc_mem_read', 'guard'])
  }
  assert.deepEqual(orders.state, { waiting: 0, held: 0, evictions: 2, rotations: 1 })
})

test('RIM-4 incidents at once are answered by one epoch; the next one waits, longer with each, and is not forgotten', async () => {
  await using dir = await temporary()
  const { kms, keeper } = farKeeper()
  const { clock, slept } = ownClock()
  await using room = await openRoom(dir.path, kms, clock)
  room.run()
  const heard: string[] = []
  const asked = ['a', 'b', 'c'].map((incident) => room.orders.rotate(order(incident)))
  assert.deepEqual(await Promise.all(asked), [2, 2, 2])
  for (const [n, seconds] of [60, 120, 240].entries()) {
    const sinceNs = clock.nowNs()
    assert.equal(await room.orders.rotate(order(`later ${n}`), (why) => heard.push(why)), n + 3)
    assert.ok(Math.abs(slept(sinceNs) - seconds) <= 1, `${slept(sinceNs)} s of ${seconds}`)
    assert.equal(heard.length, n + 1)
    assert.match(heard[n] as string, /too short a time ago/)
  }
  assert.equal(keeper.begun, 5, 'with the first of all')
  assert.equal(await room.orders.rotate(order('a')), 2, 'told again')
  assert.equal(await room.orders.rotate(order('a'), undefined, true), 6, 'ordered again')
  for (const isAgain of [false, false, true]) {
    await clock.sleep(1)
    await room.orders.evict(order('a'), isAgain)
  }
  const ofIncident = (await room.eventsOf()).filter((event) => (event as JsonObject).incident_id === 'a')
  assert.deepEqual(codesOf(ofIncident), ['keys_rotated', 'keys_rotated', 'keys_evicted', 'keys_evicted'])
  assert.ok(!codesOf(await room.eventsOf()).includes('key_rotation_waits'), 'a pause is no alarm')
})

test('RIM-4 a KMS that does not answer: the old epoch goes on, one alarm, the order outlives a restart and is done at the first contact', async () => {
  await using dir = await temporary()
  const { kms, keeper } = farKeeper()
  const { clock } = ownClock()
  const heard: string[] = []
  {
    await using room = await openRoom(dir.path, kms, clock)
    keeper.reached = false
    room.run()
    void room.orders.rotate(order('a'), (why) => heard.push(why))
    const before = keeper.asked
    while (keeper.asked < before + 3) await new Promise(setImmediate)
    assert.equal((await room.sealing.seal(at, Buffer.from('x')))[4], 1)
    assert.deepEqual(codesOf(await room.eventsOf()), ['key_rotation_waits'])
    assert.equal(heard.length, 1, 'not at each try')
    assert.equal(room.orders.state.held, 1)
    assert.match(heard[0] as string, /KEYS_UNAVAILABLE/)
  }
  await using room = await openRoom(dir.path, kms, clock)
  assert.equal(room.orders.state.waiting, 1)
  room.run()
  const before = keeper.asked
  while (keeper.asked < before + 2) await new Promise(setImmediate)
  const again = room.orders.rotate(order('a'))
  keeper.reached = true
  assert.equal(await again, 2)
  while (room.orders.state.waiting > 0) await new Promise(setImmediate)
  const events = await room.eventsOf()
  assert.deepEqual(codesOf(events), ['key_rotation_waits', 'keys_rotated', 'key_rotation_waits'])
  assert.deepEqual([events[0]?.isAlert, events[2]?.isAlert], [true, false])
})

test('RIM-4 a full disk keeps neither the keys in memory nor a rotation back, and what was done is told later', async () => {
  await using dir = await temporary()
  const { kms } = farKeeper()
  const { clock } = ownClock()
  let isFull = true
  const full = (store: Store): Store => ({
    ...store,
    transaction: async (work) => {
      if (isFull) throw errorsOf(writeErrors)('STORE_FULL', { attempted: 'writing' })
      return store.transaction(work)
    },
  })
  await using room = await openRoom(dir.path, kms, clock, full)
  room.run()
  await room.sealing.seal(at, Buffer.from('secret'))
  assert.equal(await room.orders.evict(order('a')), 1)
  assert.equal(await room.orders.rotate(order('a')), 2)
  isFull = false
  while (room.orders.state.waiting > 0) await new Promise(setImmediate)
  assert.deepEqual(codesOf(await room.eventsOf()), ['keys_evicted', 'keys_rotated'])
})

test('RIM-4 a server that ends anywhere between the order and its record: the next start ends it, with one epoch and one line', async () => {
  for (let fatal = 1; ; fatal += 1) {
    await using dir = await temporary()
    const { kms, keeper } = farKeeper()
    let steps = 0
    const dies = () => {
      steps += 1
      if (steps >= fatal) throw new Error('killed')
    }
    const stop = new AbortController()
    const dying = (store: Store): Store => ({
      ...store,
      transaction: async (work) => {
        dies()
        const result = await store.transaction(work)
        dies()
        return result
      },
    })
    const begin: MasterKey['begin'] = (...args) => {
      if (steps > 0) dies()
      return kms.begin(...args)
    }
    const room = await openRoom(dir.path, { ...kms, begin }, systemClock, dying)
    const running = room.orders.run(stop.signal).catch(() => undefined)
    await Promise.race([room.orders.rotate(order('a')).catch(() => undefined), running])
    while (room.orders.state.waiting > 0 && steps < fatal) await new Promise(setImmediate)
    const isWhole = steps < fatal
    stop.abort()
    await running
    room.sealing.close()
    await room.store.close()
    const begun = keeper.begun
    await using next = await openRoom(dir.path, kms, systemClock)
    next.run()
    // What was never written down is ordered again: the guard has no answer.
    assert.equal(await next.orders.rotate(order('a')), 2, `killed at step ${fatal}`)
    while (next.orders.state.waiting > 0) await new Promise(setImmediate)
    assert.ok(begun <= 2 && keeper.begun === 2, `${keeper.begun} epochs with the first`)
    assert.deepEqual(codesOf(await next.eventsOf()), ['keys_rotated'], `killed at step ${fatal}`)
    if (isWhole) break
    assert.ok(fatal < 20)
  }
})

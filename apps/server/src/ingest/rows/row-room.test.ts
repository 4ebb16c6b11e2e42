// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRowRoom, keptCost, leastCost, rowRoomMax } from './row-room.ts'

const billing = { tenant: 'acme', producer: 'billing' }
const beside = { tenant: 'acme', producer: 'beside' }

const stays = () => undefined

/** A room whose time stands still until the test moves it, and who is kept waiting in it, and for how long. */
function roomAt() {
  let nowMs = 0
  const held: { readonly ms: number; readonly end: () => void }[] = []
  const room = createRowRoom({
    nowMs: () => nowMs,
    nowNs: () => BigInt(nowMs) * 1_000_000n,
    monotonicNs: () => BigInt(nowMs) * 1_000_000n,
    sleep: (ms, signal) =>
      new Promise((end) => {
        held.push({ ms, end })
        signal?.addEventListener('abort', () => end())
      }),
  })
  return { room, held, pass: (ms: number) => (nowMs += ms) }
}

/** Begins and is answered at once, so often; how often it went through. */
async function often({ room, held }: ReturnType<typeof roomAt>, service: typeof billing, times: number) {
  let through = 0
  for (let i = 0; i < times; i += 1) {
    const beginning = room.begin(service, 0, stays)
    held.shift()?.end()
    const entry = await beginning
    if (typeof entry !== 'function') continue
    entry()
    through += 1
  }
  return through
}

test('ING a service has so many requests under way; the next one hears so a second later, and others are not concerned', async () => {
  const { room, held } = roomAt()
  const entries = await Promise.all(
    Array.from({ length: rowRoomMax.service.requests }, () => room.begin(billing, 0, stays)),
  )
  assert.ok(entries.every((entry) => typeof entry === 'function'))
  let isTold = false
  const fifth = room.begin(billing, 0, stays)
  void fifth.then(() => (isTold = true))
  assert.equal(typeof (await room.begin(beside, 0, stays)), 'function')
  assert.equal(isTold, false)
  assert.deepEqual(
    held.map(({ ms }) => ms),
    [1000],
  )
  held[0]?.end()
  assert.deepEqual(await fifth, { waitMs: 1000, isDeaf: false })
  for (const leave of entries) if (typeof leave === 'function') leave()
  assert.equal(typeof (await room.begin(billing, 0, stays)), 'function')
})

test('ING those who came together are told one after the other, eight in a second, and those of another service beside them', async () => {
  const { room, held, pass } = roomAt()
  const heldMs = () => held.splice(0).map(({ ms }) => ms)
  for (let i = 0; i < rowRoomMax.service.requests; i += 1) await room.begin(billing, 0, stays)
  for (let i = 0; i < 4; i += 1) void room.begin(billing, 0, stays)
  void room.refuse(billing, 5, stays)
  void room.refuse(beside, 5, stays)
  assert.deepEqual(heldMs(), [1000, 1125, 1250, 1375, 1500, 5])
  pass(1000)
  void room.refuse(billing, 5, stays)
  assert.deepEqual(heldMs(), [625])
  pass(10_000)
  void room.refuse(billing, 5, stays)
  assert.deepEqual(heldMs(), [5])
})

test('ING whoever is kept waiting and goes leaves its place in the row to others', async () => {
  const { room, held } = roomAt()
  for (let i = 0; i < rowRoomMax.service.requests; i += 1) await room.begin(billing, 0, stays)
  const leaving: (() => void)[] = []
  const going = Array.from({ length: 256 }, () => room.begin(billing, 0, (listener) => leaving.push(listener)))
  assert.deepEqual(await room.begin(billing, 0, stays), { waitMs: 1000, isDeaf: true })
  for (const leave of leaving) leave()
  await Promise.all(going)
  void room.begin(billing, 0, stays)
  assert.equal(held.at(-1)?.ms, 1000)
})

test('whoever asks on while so many of theirs are kept waiting is told at once, and that they are deaf', async () => {
  const { room, held } = roomAt()
  for (let i = 0; i < rowRoomMax.service.requests; i += 1) await room.begin(billing, 0, stays)
  for (let i = 0; i < 256; i += 1) void room.begin(billing, 0, stays)
  assert.deepEqual(await room.begin(billing, 0, stays), { waitMs: 1000, isDeaf: true })
  assert.equal(held.length, 256)
})

test('a request costs what is told to come, and no less than a signature; a rest saves up a second of that', async () => {
  const it = roomAt()
  const perSecond = rowRoomMax.service.bytesPerSecond / leastCost
  it.pass(3_600_000)
  const atOnce = await often(it, billing, 3 * perSecond)
  assert.ok(atOnce >= perSecond && atOnce <= perSecond + 1, `${atOnce}`)
  assert.equal(await often(it, beside, 1), 1)
  it.pass(1000)
  assert.ok((await often(it, billing, 3 * perSecond)) <= perSecond)
  it.pass(3_600_000)
  const large = [
    await it.room.begin(beside, 7 * 1024 * 1024, stays),
    await it.room.begin(beside, 7 * 1024 * 1024, stays),
  ]
  assert.ok(large.every((entry) => typeof entry === 'function'))
  const third = it.room.begin(beside, 0, stays)
  it.held.pop()?.end()
  assert.ok(!('call' in (await third)))
})

test('ING-3 what is kept in quarantine costs more: of signatures that hold for nothing fewer are taken', async () => {
  const it = roomAt()
  const perSecond = rowRoomMax.service.bytesPerSecond / (leastCost + keptCost)
  let taken = 0
  for (let i = 0; i < 10 * perSecond; i += 1) {
    if ((await often(it, billing, 1)) === 0) break
    it.room.keep(billing)
    taken += 1
  }
  assert.ok(Math.abs(taken - perSecond) <= 1, `${taken} of ${perSecond}`)
})

test('ING-3 of what goes to quarantine some come at once, and as many again once they are paid for: others are not concerned', async () => {
  const { room, held, pass } = roomAt()
  for (let i = 0; i < 5; i += 1) {
    await room.pace(billing)
    room.keep(billing)
  }
  const sixth = room.pace(billing)
  assert.deepEqual(
    held.map(({ ms }) => ms),
    [40],
  )
  await room.pace(beside)
  pass(40)
  held[0]?.end()
  await sixth
  for (let i = 0; i < 5; i += 1) {
    await room.pace(billing)
    room.keep(billing)
  }
  void room.pace(billing)
  assert.equal(held.length, 2)
})

test('ING what was read goes ahead; what it owes beyond what was told to come, the next ones of its service wait for', async () => {
  const { room, held, pass } = roomAt()
  const { bytes, bytesPerSecond } = rowRoomMax.service
  for (let owed = 0; owed <= 2 * bytesPerSecond; owed += bytes) {
    const settled = room.enter(billing, bytes, 0)
    assert.ok(typeof settled === 'function')
    settled()
  }
  void room.begin(billing, 0, stays)
  assert.equal(held.length, 1)
  assert.equal(typeof (await room.begin(beside, 0, stays)), 'function')
  pass(2000)
  assert.equal(typeof (await room.begin(billing, 0, stays)), 'function')
})

test('ING what the services of a tenant owe together, the next ones of all of them wait for, and no other tenant', async () => {
  const { room, held } = roomAt()
  const { bytesPerSecond } = rowRoomMax.tenant
  const { bytes } = rowRoomMax.service
  for (let owed = 0, i = 0; owed <= 2 * bytesPerSecond; owed += bytes, i += 1) {
    const settled = room.enter({ tenant: 'acme', producer: `one-${i}` }, bytes, bytes)
    assert.ok(typeof settled === 'function')
    settled()
  }
  void room.begin(beside, 0, stays)
  assert.equal(held.length, 1)
  assert.equal(typeof (await room.begin({ tenant: 'other', producer: 'one' }, 0, stays)), 'function')
})

test('what was paid for when a request began is not paid for again when it was read', async () => {
  const { room } = roomAt()
  const { bytes, bytesPerSecond } = rowRoomMax.service
  for (let paid = 0; paid < bytesPerSecond; paid += bytes) {
    const leave = await room.begin(billing, bytes, stays)
    const settled = room.enter(billing, bytes, bytes)
    assert.ok(typeof leave === 'function' && typeof settled === 'function')
    assert.deepEqual(room.enter(billing, 1, 0), { waitMs: 1000 }, 'no more bytes are read at once')
    settled()
    leave()
  }
})

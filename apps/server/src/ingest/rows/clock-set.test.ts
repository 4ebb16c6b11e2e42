// SPDX-License-Identifier: Apache-2.0
// What was taken of a key stays taken, whatever becomes of the clock (line.md, 5.6).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, rfc3339, systemClock } from '@sealwatch/base'
import { keepKeyEnds } from '../../trust/key-ends.ts'
import { applyTrustStore } from '../../trust/store-file/apply.ts'
import { parseTrustStore } from '../../trust/store-file/parse.ts'
import { billing, ed25519, one, openRooms, rowOf, signed, temporary } from './test/open-rows.ts'

const hour = 3_600_000_000_000n
const year = 365n * 24n * hour

type Rooms = Awaited<ReturnType<typeof openRooms>>

/** `wall` is how far the clock was set, `steady` how much time went by. */
function clockInHand() {
  const hand = { wall: 0n, steady: 0n }
  const clock: Clock = {
    ...systemClock,
    nowNs: () => systemClock.nowNs() + hand.wall + hand.steady,
    monotonicNs: () => systemClock.monotonicNs() + hand.steady,
  }
  return { hand, clock }
}

const outcome = async (it: Rooms, key = one) => {
  const [found] = await it.rows.submit(billing, [signed(['a'], {}, key)])
  return found?.kind === 'quarantined' ? found.reason : found?.kind
}

const fileKey = {
  key_id: one.keyId,
  algorithm: 'ed25519',
  public_key: Buffer.from(rowOf(one).public_key, 'hex').toString('base64'),
  valid_from: '2020-01-01T00:00:00Z',
}
async function apply(it: Rooms, clock: Clock, keys: readonly object[]): Promise<number> {
  const text = JSON.stringify({ version: 1, tenants: { acme: { services: { billing: { keys } } } } })
  const { store, outbox, keys: registry } = it
  const options = { store, outbox, clock, keys: registry, checkTenant: () => undefined }
  return applyTrustStore(parseTrustStore(Buffer.from(text), 'a test'), 'a test', options)
}

test('ING-5 a key that the trust store withdrew does not count again when the clock is set back, also over a restart', async () => {
  await using dir = await temporary()
  const { hand, clock } = clockInHand()
  {
    await using it = await openRooms(dir.path, undefined, { clock })
    await it.enter(rowOf(one, { source: 'file' }))
    assert.equal(await outcome(it), 'admitted')
    await apply(it, clock, [])
    assert.equal(await outcome(it), 'key_expired')
    hand.wall = -hour
    assert.equal(await outcome(it), 'key_expired')
  }
  await using it = await openRooms(dir.path, undefined, { clock })
  assert.equal(await outcome(it), 'key_expired')
  assert.equal(await apply(it, clock, []), 0, 'it is not withdrawn once more, an hour earlier')
  const end = it.keys.of('acme').key(one.keyId)?.validUntil ?? ''
  for (const { received_at } of await it.stubsIn())
    assert.ok(String(received_at) >= end, 'a replay judges as the door did')
  assert.equal(await apply(it, clock, [fileKey]), 1)
  while ((await outcome(it)) !== 'admitted') await clock.sleep(20)
})

test('ING-1 an end that was set ahead is kept once it has come, and a clock that is ahead for a while ends no key for good', async () => {
  await using dir = await temporary()
  const { hand, clock } = clockInHand()
  {
    await using it = await openRooms(dir.path, undefined, { clock })
    const ends = keepKeyEnds({ store: it.store, keys: it.keys, clock })
    await it.enter(rowOf(one, { valid_until: rfc3339(clock.nowNs() + 2n * hour) }))
    hand.wall = year
    hand.steady = hour
    assert.equal(await ends.look(), 0)
    hand.wall = 0n
    assert.equal(await outcome(it), 'admitted')
    hand.steady = 3n * hour
    assert.equal(await ends.look(), 1)
    hand.wall = -2n * hour
    assert.equal(await outcome(it), 'key_expired')
  }
  await using it = await openRooms(dir.path, undefined, { clock })
  assert.equal(await outcome(it), 'key_expired')
  const ends = keepKeyEnds({ store: it.store, keys: it.keys, clock })
  assert.equal(await ends.look(), 0, 'once')
})

test('ING-1 at a start the clock has a minute to be set before it ends a key for good', async () => {
  await using dir = await temporary()
  const { hand, clock } = clockInHand()
  await using it = await openRooms(dir.path, undefined, { clock })
  await it.enter(rowOf(one, { valid_until: rfc3339(clock.nowNs() + hour) }))
  hand.wall = year
  const ends = keepKeyEnds({ store: it.store, keys: it.keys, clock })
  assert.equal(await ends.look(), 0)
  hand.wall = 0n
  hand.steady = hour / 2n
  assert.equal(await ends.look(), 0)
  assert.equal(await outcome(it), 'admitted')
})

test('SIG-6 a clock that was ahead as a key was revoked changes the receipt of nothing under another key', async () => {
  await using dir = await temporary()
  const { hand, clock } = clockInHand()
  const two = ed25519('billing-2')
  const until = rfc3339(clock.nowNs() + year / 2n)
  const receipts = async (it: Rooms) =>
    (await it.leavesOf('acme')).flatMap(({ submission, submission_stub: stub }) =>
      [submission, stub].flatMap((found) => (found ? [String(found.received_at)] : [])),
    )
  {
    await using it = await openRooms(dir.path, undefined, { clock })
    await it.enter(rowOf(one, { valid_until: until }))
    await it.enter(rowOf(two))
    hand.wall = year
    const revokedAt = rfc3339(clock.nowNs())
    await it.tell(rowOf(two, { revoked_at: revokedAt }), 'revoked')
    const of = it.store.db.updateTable('signing_keys').set({ revoked_at: revokedAt })
    await of.where('tenant', '=', 'acme').where('key_id', '=', two.keyId).execute()
    it.keys.takeKey({ tenant: 'acme', keyId: two.keyId }, { revokedAt }).taken?.(true)
    hand.wall = 0n
    assert.equal(await outcome(it), 'admitted')
    assert.ok((await receipts(it)).every((time) => time < until))
    assert.equal(await outcome(it, two), 'key_revoked')
  }
  await using it = await openRooms(dir.path, undefined, { clock })
  assert.equal(await outcome(it), 'admitted')
  assert.equal(await outcome(it, two), 'key_revoked')
  assert.equal((await receipts(it)).filter((time) => time >= until).length, 2, 'of the revoked key alone')
})

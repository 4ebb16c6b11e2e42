// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { type Clock, createLog, rfc3339, systemClock, systemDisk } from '@sealwatch/base'
import { authorityFingerprint, generateSigner } from '@sealwatch/keys'
import { foundAuthority } from '@sealwatch/keys/test/found-authority'
import { orderOf, signedOrder } from '@sealwatch/keys/test/order-cases'
import { openStanding } from './standing.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root: what says whom to believe is its alone'
const log = createLog(
  'test',
  () => undefined,
  () => 0,
)
const dayMs = 86_400_000

test('INC-4 an order is kept, counts until its end, is replaced by none that is older, and by none of another host', {
  skip,
}, async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-standing-'))
  const [path, authorityFile] = ['standing-order.json', 'trust.json'].map((name) => join(dir.path, name)) as [
    string,
    string,
  ]
  const [authority, guard] = [foundAuthority('ec'), generateSigner()]
  const trust = (pin: string) => writeFileSync(authorityFile, JSON.stringify({ caFingerprint: pin }))
  trust(authorityFingerprint(authority.chain))
  const beganNs = systemClock.nowNs()
  let aheadMs = 0
  const clock: Clock = { ...systemClock, nowMs: () => Number(beganNs / 1_000_000n) + aheadMs }
  const at = (ms: number) => rfc3339(beganNs + BigInt(ms) * 1_000_000n)
  const signed = (version: number, change: object = {}) =>
    signedOrder(orderOf(guard, { version, issued_at: at(0), expires_at: at(10 * dayMs), ...change }), authority)
  const open = () => openStanding({ path, authorityFile, disk: systemDisk, clock, log })

  const one = await open()
  assert.throws(() => one.now(), { code: 'ORDER_MISSING' })
  await one.take(await signed(2))
  assert.equal(one.now().order.version, 2)
  await assert.rejects(async () => one.take(await signed(1)), { code: 'ORDER_REPLAYED' })
  await assert.rejects(async () => one.take(await signed(3, { host: 'f'.repeat(32) })), { code: 'ORDER_FOREIGN' })
  await one.take(await signed(2))
  const again = await open()
  assert.equal(again.now().digest, one.now().digest)
  await assert.rejects(async () => again.take(await signed(1)), { code: 'ORDER_REPLAYED' })

  aheadMs = 10 * dayMs
  assert.throws(() => again.now(), { code: 'ORDER_EXPIRED' })
  const late = await open()
  assert.throws(() => late.now(), { code: 'ORDER_MISSING' })
  await assert.rejects(async () => late.take(await signed(1)), { code: 'ORDER_EXPIRED' })
  await assert.rejects(
    async () => late.take(await signed(1, { issued_at: at(9 * dayMs), expires_at: at(12 * dayMs) })),
    { code: 'ORDER_REPLAYED' },
  )
  // The clock was set back by more than clocks differ.
  aheadMs = -3_600_000
  assert.throws(() => again.now(), { code: 'ORDER_NOT_YET' })
  aheadMs = 0

  for (const pin of ['0'.repeat(64), 'short']) {
    trust(pin)
    assert.equal((await open()).held, undefined)
  }
  trust(authorityFingerprint(authority.chain))
  chmodSync(authorityFile, 0o666)
  await assert.rejects(async () => again.take(await signed(3)), { code: 'AUTHORITY_UNREADABLE' })
  chmodSync(authorityFile, 0o644)
  chownSync(authorityFile, 64_702, 64_702)
  await assert.rejects(async () => again.take(await signed(3)), { code: 'AUTHORITY_UNREADABLE' })
  chownSync(authorityFile, 0, 0)
  const kept = readFileSync(path, 'utf8')
  for (const text of [
    kept.slice(0, -10),
    kept.replace('"highest":2', '"highest":"2"'),
    kept.replace(/sig\\":\\"./, 'sig\\":\\"A'),
  ]) {
    writeFileSync(path, text)
    assert.equal((await open()).held, undefined)
  }
})

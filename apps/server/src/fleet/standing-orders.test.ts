// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import type { GuardConfig } from '@sealwatch/contract/guard-config'
import { authorityFingerprint, generateSigner, openStandingOrder } from '@sealwatch/keys'
import { foundAuthority } from '@sealwatch/keys/test/found-authority'
import type { HandsReport } from '../ingest/index.ts'
import { openStore } from '../store/index.ts'
import { createStandingOrders } from './standing-orders.ts'

const host = { hostId: 'a'.repeat(32), hostname: 'web-1', tenant: 'acme' }
const dayMs = 86_400_000

test('INC-4 an order is renewed at half of its life, goes on from what a host holds, and is not issued without end', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-orders-'))
  const store = openStore(dir.path)
  let aheadMs = 0
  const clock: Clock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + aheadMs,
    nowNs: () => systemClock.nowNs() + BigInt(aheadMs) * 1_000_000n,
    monotonicNs: () => BigInt(aheadMs) * 1_000_000n,
  }
  const authority = foundAuthority('ec')
  const pin = authorityFingerprint(authority.chain)
  const said: string[] = []
  let guard: GuardConfig = {}
  const rung: string[] = []
  const orders = createStandingOrders({
    store,
    outbox: {
      enqueue: async (_tx: unknown, tenant: string, body: object) => {
        said.push(`${tenant} ${/standing_order_[a-z]+/.exec(JSON.stringify(body))?.[0]}`)
        return 'u'
      },
      ring: () => undefined,
      recorded: async () => 0,
    } as never,
    voice: { device: { uid: 'd' }, version: '0' } as never,
    clock,
    groups: { of: async () => [{ name: 'g', version: 1, config: { guard } }] },
    signer: () => authority,
    changed: (tenant) => void rung.push(tenant),
    log: createLog(
      'test',
      () => undefined,
      () => 0,
    ),
  })
  const none = { version: 0, digest: '', refusedWhy: '' }
  const keyed = { guardKey: generateSigner().publicKey, ...none }
  const opened = (envelope = '') => openStandingOrder(envelope, { pin, host: host.hostId, nowMs: clock.nowMs() })
  const asked = async (hands: HandsReport) => {
    const order = await orders.desired(host, hands)
    return order && opened(order.envelope)
  }

  guard = { responses: { kill: 'off' } }
  assert.equal(await asked(keyed), undefined, 'who never might is told nothing')
  guard = {}
  const one = await asked(keyed)
  assert.deepEqual([one?.order.version, one?.order.steps, one?.order.scope], [1, ['kill', 'kill_tree'], ['*']])
  assert.equal((await asked(keyed))?.digest, one?.digest, 'until it holds it, the same is told again')
  const held = { ...keyed, version: 1, digest: one?.digest ?? '' }
  assert.equal(await asked(held), undefined)

  aheadMs = 3 * dayMs
  assert.equal(await asked(held), undefined)
  aheadMs = 4 * dayMs
  const two = await asked(held)
  assert.deepEqual(
    [two?.order.version, two?.order.expires_at.slice(0, 10)],
    [2, new Date(clock.nowMs() + 7 * dayMs).toISOString().slice(0, 10)],
  )

  const other = await asked({ ...held, guardKey: generateSigner().publicKey })
  assert.equal(other?.order.version, 3, 'for another key another order')
  aheadMs += dayMs
  const ahead = await asked({ ...keyed, version: 9, digest: 'b'.repeat(64) })
  assert.equal(ahead?.order.version, 10, 'a server that was restored goes on from what the host holds')
  guard = { mode: 'off' }
  const nine = { ...keyed, version: 10, digest: ahead?.digest ?? '' }
  const withdrawn = await asked(nine)
  assert.deepEqual([withdrawn?.order.version, withdrawn?.order.steps], [11, []])
  const last = { ...keyed, version: 11, digest: withdrawn?.digest ?? '', refusedWhy: 'x' }
  aheadMs += 20 * dayMs
  assert.equal(await asked(last), undefined, 'what is withdrawn is not renewed')
  const { version, steps, held: has } = (await orders.stateOf('acme', host.hostId)) ?? assert.fail()
  assert.deepEqual([version, steps, has.version, has.refusedWhy], [11, [], 11, 'x'])

  guard = {}
  const keys = Array.from({ length: 9 }, () => generateSigner().publicKey)
  const issued: unknown[] = []
  for (const guardKey of keys) issued.push(await asked({ ...last, guardKey }))
  assert.equal(issued.filter((order) => order !== undefined).length, 5, 'a host that tells ever other keys is let wait')
  assert.equal(said.length, 5 + 5)
  assert.equal(said.filter((line) => line === 'acme standing_order_withdrawn').length, 1)
  await store.close()
})

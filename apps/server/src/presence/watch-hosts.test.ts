// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposableSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import { createOutbox, openStore, type Store } from '../store/index.ts'
import { type HostWatch, openHostWatch } from './watch-hosts.ts'

const voice = {
  device: { uid: 's', hostname: 's', type_id: 0, type: 'Unknown', os: { name: 'Linux', type_id: 200, type: 'Linux' } },
  version: '0.1.0',
}
const log = createLog(
  'test',
  () => undefined,
  () => 0,
)
const host = { hostId: 'a'.repeat(32), hostname: 'web-1', tenant: 'default' }

async function addHost(store: Store): Promise<void> {
  await store.db
    .insertInto('hosts')
    .values({
      host_id: host.hostId,
      tenant: host.tenant,
      hostname: host.hostname,
      machine_id: 'm',
      facts: '{}',
      enrolled_at: 'e',
      agent_version: null,
      last_seen_at: null,
      cert_serial: 'c',
      cert_expires_at: 'x',
      revoked_at: null,
      presence: null,
    })
    .execute()
}

let ns = 1_000_000_000_000_000_000n

/** A server's life over `dir`: time passes in its looks alone, and it ends with the last of them. */
async function life(
  dir: string,
  looks: readonly number[],
  act: (watch: Awaited<ReturnType<typeof openHostWatch>>, store: Store) => void | Promise<void>,
) {
  const store = openStore(dir)
  const outbox = createOutbox(store)
  const over = new AbortController()
  let look = 0
  const clock: Clock = {
    ...systemClock,
    nowMs: () => Number(ns / 1_000_000n),
    nowNs: () => ns,
    monotonicNs: () => ns,
    sleep: async () => {
      ns += BigInt(looks[look++] ?? 0) * 1_000_000n
      if (look >= looks.length) over.abort()
    },
  }
  const keys = { of: () => assert.fail('no heartbeat is read here') }
  if ((await store.db.selectFrom('hosts').select('host_id').where('tenant', '=', 'default').execute()).length === 0)
    await addHost(store)
  const watch = await openHostWatch({ store, outbox, voice, keys, ledgerSeq: () => 0, clock, log })
  await act(watch, store)
  await watch.run(over.signal)
  const told = (await outbox.waiting(100)).map(({ tenant, body }) => {
    const { message, activity_name } = (body as { event: { message: string; activity_name: string } }).event
    return `${tenant}: ${activity_name}: ${message}`
  })
  const shown = watch.of(host.hostId)
  const counts = watch.counts()
  await store.close()
  return { told, shown, counts }
}
const seconds = (count: number) => Array.from({ length: 2 * count }, () => 500)

test('an incident is told once, also across starts of the server, and so is its end', async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-presence-'))
  const silent = 'default: Create: the host web-1 says nothing any more'
  const first = await life(dir.path, seconds(6), (watch) => watch.registered(host, true))
  assert.deepEqual(first.told, [])
  // It was there when the server ended: it has half a minute.
  const second = await life(dir.path, seconds(29), () => undefined)
  assert.deepEqual([second.told, second.shown?.life], [[], 'expected'])
  const third = await life(dir.path, seconds(31), () => undefined)
  assert.deepEqual([third.told, third.shown?.incidents], [[silent], ['silent']])
  assert.equal(third.counts.open.silent, 1)
  const fourth = await life(dir.path, seconds(60), () => undefined)
  assert.deepEqual(fourth.told, [silent])
  const fifth = await life(dir.path, seconds(1), (watch) => watch.registered(host, true))
  assert.equal(fifth.told.length, 2)
  assert.match(fifth.told[1] ?? '', /^default: Close: the host web-1 is back, after \d+ s$/)
})

test('a server that itself did not run blames nobody for that', async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-presence-'))
  const { told } = await life(dir.path, [...seconds(3), 600_000, ...seconds(3)], (watch) =>
    watch.registered(host, true),
  )
  assert.deepEqual(told, [])
})

test('the last word of an agent stands in its lines: started, or stopped; in a text of somebody it is none', async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-presence-'))
  const line = (code: string) => Buffer.from(`{"event":{"metadata":{"event_code":"${code}"}}}\n`)
  const [on, off] = [line('agent_started'), line('agent_stopped')]
  const text = Buffer.from(JSON.stringify({ message: off.toString() }))
  const lives: (string | undefined)[] = []
  await life(dir.path, seconds(1), (watch) => {
    watch.registered(host, true)
    for (const [tenant, ...lines] of [
      ['cluster', off],
      ['cluster', on],
      ['cluster', text],
      ['default', off],
      ['cluster', on, off],
      ['default', on],
      ['cluster', off, on],
    ] as const) {
      watch.admitted(host, tenant, Buffer.concat(lines))
      lives.push(watch.of(host.hostId)?.life)
    }
    watch.forget(host.hostId)
    watch.admitted(host, 'cluster', on)
    assert.equal(watch.of(host.hostId), undefined)
  })
  assert.deepEqual(lives, ['stopped', 'alive', 'alive', 'alive', 'stopped', 'stopped', 'alive'])
})

test('PKI-3 a host whose certificate ends soon is told of once, and of its renewal; of one that stopped nothing is', async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-presence-'))
  const hourMs = 3_600_000
  const at = (ms: number) => new Date(Number(ns / 1_000_000n) + ms).toISOString()
  const certify = (store: Store, beganMs: number, leftMs: number) =>
    store.db
      .updateTable('hosts')
      .set({ cert_begins_at: at(-beganMs), cert_expires_at: at(leftMs) })
      .where('tenant', '=', host.tenant)
      .execute()
  const alive = (hours: { began: number; left: number }) => async (watch: HostWatch, store: Store) => {
    await certify(store, hours.began * hourMs, hours.left * hourMs)
    watch.registered(host, true)
  }
  const ending = 'default: Create: the host web-1 has a certificate that ends soon and is not renewed'
  const good = await life(dir.path, seconds(3), alive({ began: 17, left: 7 }))
  assert.deepEqual(good.told, [])
  const stopped = await life(dir.path, seconds(3), async (watch, store) => {
    await alive({ began: 19, left: 5 })(watch, store)
    watch.admitted(host, 'cluster', Buffer.from('{"event":{"metadata":{"event_code":"agent_stopped"}}}\n'))
  })
  assert.deepEqual(stopped.told, [])
  const first = await life(dir.path, seconds(3), alive({ began: 19, left: 5 }))
  assert.deepEqual([first.told, first.shown?.incidents], [[ending], ['certificate_ending']])
  assert.equal(first.counts.open.certificate_ending, 1)
  const again = await life(dir.path, seconds(3), alive({ began: 20, left: 4 }))
  assert.deepEqual(again.told, [ending])
  const renewed = await life(dir.path, seconds(3), alive({ began: 0, left: 24 }))
  assert.match(renewed.told[1] ?? '', /^default: Close: the host web-1 has another certificate, after \d+ s$/)
  assert.equal(renewed.told.length, 2)
})

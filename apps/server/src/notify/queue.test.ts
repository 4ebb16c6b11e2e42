// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Clock, createBell, createLog, type JsonObject, systemClock } from '@sealwatch/base'
import { sealingError } from '@sealwatch/keys/sealing'
import { openStore } from '../store/index.ts'
import { notifyLimits } from './limits.ts'
import { createSendMail, type MailPlan } from './mail.ts'
import { noticeCall } from './places.ts'
import { createNoticeQueue, pauseMs } from './queue.ts'
import { type Channel, createSend } from './send.ts'
import { startMailbox } from './test/mailbox.ts'
import { isGenuine, startReceiver } from './test/receiver.ts'
import { drawWebhookSecret, signWebhook } from './webhook.ts'

const told = (tenant: string, finding: string, severity_id = 5, code = 'guard_incident_opened') => ({
  tenant,
  event: {
    time: 1_790_000_000_000,
    metadata: { event_code: code },
    device: { uid: 'h'.repeat(32), hostname: 'web-1\r\nX: y' },
    actor: { user: { name: 'root' } },
    unmapped: { guard_incident: { incident: `inc_${finding}` } },
  } as JsonObject,
  finding: { severity_id, metadata: { uid: finding } } as JsonObject,
})

async function rooms(t: TestContext, origins: readonly string[], ca: string | undefined, mail?: MailPlan) {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-notify-'))
  const store = openStore(dir.path)
  let aheadMs = 0
  /** Time passes when the test says so. */
  const clock: Clock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + aheadMs,
    nowNs: () => systemClock.nowNs() + BigInt(aheadMs) * 1_000_000n,
    monotonicNs: () => systemClock.monotonicNs() + BigInt(aheadMs) * 1_000_000n,
    sleep: (_ms, signal) => new Promise((wake) => signal?.addEventListener('abort', () => wake(), { once: true })),
  }
  const said: string[] = []
  const heard = createBell()
  const forever = new AbortController().signal
  const send = createSend({
    sealing: {
      open: async ({ place }, sealed) => {
        if (place === 'notify/altered') throw sealingError('SEALED_UNREADABLE', { attempted: place })
        return sealed
      },
    },
    call: noticeCall({ origins: new Set(origins), ca }, systemClock),
    mail: mail && createSendMail(mail, systemClock),
    admins: async (tenant) => [`root@${tenant}.example`, 'no address'],
    clock,
  })
  const queue = createNoticeQueue({
    store,
    outbox: {
      enqueue: async (_tx: unknown, tenant: string, { event }: { event: { metadata: { event_code: string } } }) => {
        said.push(`${tenant} ${event.metadata.event_code}`)
        return 'u'
      },
      ring: () => heard.ring(),
    } as never,
    voice: { device: { uid: 'd' }, version: '0' } as never,
    send,
    origin: () => 'https://sealwatch.example',
    clock,
    log: createLog(
      'test',
      () => undefined,
      () => 0,
    ),
  })
  let stop = new AbortController()
  let running = queue.run(stop.signal)
  t.after(async () => {
    stop.abort()
    await running
    await store.close()
    await dir[Symbol.asyncDispose]()
  })
  return {
    store,
    queue,
    said,
    /** As the server stops and starts; `meanwhile` nobody sends. */
    restarts: async (meanwhile: () => void) => {
      stop.abort()
      await running
      meanwhile()
      stop = new AbortController()
      running = queue.run(stop.signal)
    },
    until: async (count: number) => {
      while (said.length < count) await heard.wait(forever)
    },
    /** So long passes, and then the queue looks until it is so. */
    passes: async (ms: number, isSo: () => boolean) => {
      aheadMs += ms
      const untilMs = systemClock.nowMs() + 30_000
      while (!isSo()) {
        assert.ok(systemClock.nowMs() < untilMs, `waited for ${isSo}`)
        queue.ring()
        await systemClock.sleep(20)
      }
    },
    /** Another secret, as a rotation gives it. */
    rotated: async (tenant: string, channel: string, untilMs: number) => {
      const secret = drawWebhookSecret()
      await store.transaction((tx) =>
        tx
          .updateTable('notification_channels')
          .set((of) => ({ old_secret: of.ref('secret'), old_until_ms: untilMs, secret: Buffer.from(secret) }))
          .where('tenant', '=', tenant)
          .where('channel', '=', channel)
          .execute(),
      )
      return secret
    },
    channel: async (tenant: string, channel: string, target: string, least = 'medium') => {
      const secret = drawWebhookSecret()
      const row: Channel = {
        ...{ tenant, channel, name: channel, target, least, secret: Buffer.from(secret) },
        kind: target.startsWith('https:') ? 'webhook' : 'mail',
        ...{ created_at: '', created_by: '', failing_since: null, problem: '', old_secret: null, old_until_ms: null },
      }
      await store.transaction((tx) => tx.insertInto('notification_channels').values(row).execute())
      return secret
    },
    tell: async (...all: ReturnType<typeof told>[]) => {
      await store.transaction(async (tx) => {
        for (const one of all) await queue.tell(tx, one)
      })
      queue.ring()
    },
  }
}

test('the signature is the one of the specification (standardwebhooks.com)', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  assert.equal(
    signWebhook(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1_614_265_330, '{"test": 2432232314}'),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  )
})

test('RIM-3 INC-6 an incident is told once to its tenant and the cluster, signed, without a person, and to no other tenant', async (t) => {
  await using receiver = await startReceiver()
  const at = await rooms(t, [receiver.origin], receiver.ca)
  const secrets = {
    '/acme': await at.channel('acme', 'a', `${receiver.origin}/acme`),
    '/zeta': await at.channel('zeta', 'z', `${receiver.origin}/zeta`),
    '/cluster': await at.channel('cluster', 'c', `${receiver.origin}/cluster`),
    '/grave': await at.channel('acme', 'g', `${receiver.origin}/grave`, 'critical'),
  }
  await at.tell(told('cluster', '1'), told('acme', '1', 3), told('acme', '1', 3), told('acme', '2', 5, 'file_open'))
  await at.until(2)
  assert.deepEqual(receiver.got.map(({ path }) => path).toSorted(), ['/acme', '/cluster'])
  for (const received of receiver.got) {
    assert.ok(await isGenuine(secrets[received.path as '/acme'], received))
    assert.ok(!(await isGenuine(secrets['/zeta'], received)))
    assert.deepEqual(JSON.parse(received.body), {
      type: 'guard_incident_opened',
      timestamp: '2026-09-21T14:13:20.000Z',
      data: {
        code: 'guard_incident_opened',
        severity: 'medium',
        tenant: 'acme',
        host: { uid: 'h'.repeat(32), hostname: 'web-1  X: y' },
        incident: 'inc_1',
        link: 'https://sealwatch.example/incidents?id=inc_1',
      },
    })
  }
  assert.deepEqual(at.said.toSorted(), ['acme notification_sent', 'cluster notification_sent'])
})

test('INC-6 what is not taken is tried again under the same id with pauses that grow, and given up after a day; who does not answer keeps no other waiting', async (t) => {
  await using receiver = await startReceiver((response, { path }) => {
    if (path === '/moved') response.writeHead(302, { location: '/elsewhere' }).end()
    else if (path !== '/slow') response.writeHead(503).end()
  })
  const at = await rooms(t, [receiver.origin], receiver.ca)
  await at.channel('acme', 'slow', `${receiver.origin}/slow`)
  await at.tell(told('acme', '1'))
  await receiver.came(1)
  const secret = await at.channel('zeta', 'n', `${receiver.origin}/never`)
  await at.channel('beta', 'm', `${receiver.origin}/moved`)
  await at.tell(told('zeta', '1'), told('beta', '1'))
  await at.passes(0, () => at.said.length === 2)
  assert.deepEqual(at.said.toSorted(), ['beta notification_channel_failed', 'zeta notification_channel_failed'])
  await at.passes(pauseMs(1), () => at.queue.counts.failed === 4)
  await at.passes(notifyLimits.ageMs, () => at.said.includes('zeta notification_given_up'))
  const never = receiver.got.filter(({ path }) => path === '/never')
  assert.deepEqual([never.length, new Set(never.map(({ id }) => id)).size], [3, 1])
  for (const received of never) assert.ok(await isGenuine(secret, received))
  assert.deepEqual(
    receiver.got.map(({ path }) => path).filter((path) => path === '/elsewhere'),
    [],
    'a redirect is not followed',
  )
  assert.deepEqual([1, 2, 3, 20].map(pauseMs), [5_000, 10_000, 20_000, 3_600_000])
})

test('INC-6 a secret that does not open keeps no other channel waiting; of an erased tenant nothing waits, and nothing is said of what was under way', async (t) => {
  const asked = createBell()
  const held: (() => void)[] = []
  await using receiver = await startReceiver((response, { path }) => {
    if (path !== '/held') return void response.end()
    held.push(() => response.end())
    asked.ring()
  })
  const at = await rooms(t, [receiver.origin], receiver.ca)
  await at.channel('acme', 'altered', `${receiver.origin}/altered`)
  await at.channel('cluster', 'c', `${receiver.origin}/held`)
  await at.channel('acme', 'a', `${receiver.origin}/acme`)
  const isAsked = asked.wait(new AbortController().signal)
  await at.tell(told('acme', '1'))
  await isAsked
  await at.until(2)
  assert.deepEqual(at.said.toSorted(), ['acme notification_channel_failed', 'acme notification_sent'])
  await at.store.forget('acme')
  for (const answer of held) answer()
  await at.tell(told('zeta', '1'))
  await receiver.came(3)
  for (const answer of held.splice(1)) answer()
  await at.passes(0, () => at.said.length === 3)
  assert.equal(at.said[2], 'cluster notification_sent')
  const left = await at.store.between((db) =>
    db.selectFrom('notification_deliveries').select('about').where('tenant', '=', 'cluster').execute(),
  )
  assert.deepEqual(
    left.map(({ about }) => about),
    ['zeta'],
  )
})

test('INC-6 what must wait is told together, of one tenant; who asks for a pause has it, for all messages', async (t) => {
  let isBusy = false
  await using receiver = await startReceiver((response) => {
    if (isBusy) response.writeHead(429, { 'retry-after': '600' })
    response.end()
  })
  const at = await rooms(t, [receiver.origin], receiver.ca)
  await at.channel('cluster', 'c', `${receiver.origin}/all`)
  const { burst } = notifyLimits.rate.webhook
  await at.tell(...Array.from({ length: 100 }, (_, i) => told('acme', `a${i}`, i === 50 ? 5 : 3)), told('zeta', 'z'))
  await at.until(burst)
  const bodies = receiver.got.map(({ body }) => JSON.parse(body))
  const { type, data } = bodies[burst - 1]
  assert.deepEqual(
    [type, data.count, data.severity, data.tenant],
    ['notification_digest', 101 - burst, 'critical', 'acme'],
  )
  assert.equal(data.first.length, notifyLimits.inDigest)
  assert.match(data.first[0].incident, /^inc_a\d+$/)
  // That of the other tenant is not told with them, and comes when its turn has come.
  await at.passes(3_000, () => at.said.length === burst + 1)
  assert.equal(JSON.parse(receiver.got.at(-1)?.body ?? '').data.tenant, 'zeta')

  isBusy = true
  await at.tell(told('acme', 'b1'))
  await at.passes(3_000, () => at.queue.counts.failed === 1)
  isBusy = false
  await at.tell(told('acme', 'b2'))
  const toAll = () => receiver.got.filter(({ path }) => path === '/all').length
  const before = toAll()
  await at.channel('beta', 'b', `${receiver.origin}/beta`)
  await at.tell(told('beta', '1'))
  await at.passes(300_000, () => at.said.includes('beta notification_sent'))
  assert.equal(toAll(), before, 'nobody calls before it said')
  await at.passes(301_000, () => at.said.length === burst + 6)
  assert.equal(toAll(), before + 3)
})

test('INC-6 after a rotation both secrets sign for a day, and then the new one alone', async (t) => {
  await using receiver = await startReceiver()
  const at = await rooms(t, [receiver.origin], receiver.ca)
  const old = await at.channel('acme', 'a', `${receiver.origin}/`)
  const secret = await at.rotated('acme', 'a', systemClock.nowMs() + notifyLimits.oldSecretMs)
  await at.tell(told('acme', '1'))
  await at.until(1)
  await at.passes(notifyLimits.oldSecretMs, () => true)
  await at.tell(told('acme', '2'))
  await at.until(2)
  const [first, second] = receiver.got
  assert.ok(first && second)
  assert.deepEqual([await isGenuine(old, first), await isGenuine(secret, first)], [true, true])
  assert.deepEqual([await isGenuine(old, second), await isGenuine(secret, second)], [false, true])
  const row = await at.store.db
    .selectFrom('notification_channels')
    .selectAll()
    .where('tenant', '=', 'acme')
    .executeTakeFirst()
  assert.equal(row?.old_secret, null)
})

test('INC-6 RIM-3 the admins of the tenant have one mail for an incident, and the deployment\u2019s another; a flood of them is two mails a minute', async (t) => {
  await using box = await startMailbox({ authOptional: true })
  const plan = {
    host: '127.0.0.1',
    port: box.port,
    by: 'starttls',
    login: undefined,
    from: 's@a.example',
    ca: box.ca,
  } as const
  const at = await rooms(t, [], undefined, plan)
  for (const tenant of ['acme', 'zeta', 'cluster']) await at.channel(tenant, tenant, 'admins')
  await at.channel('acme', 'one', 'mailto:on-call@acme.example')
  await at.tell(told('acme', '1'), told('acme', '1'))
  await at.until(3)
  assert.deepEqual(box.got.flatMap(({ to }) => to).toSorted(), [
    'on-call@acme.example',
    'root@acme.example',
    'root@cluster.example',
  ])
  await at.tell(...Array.from({ length: 500 }, (_, i) => told('zeta', `z${i}`)))
  await at.until(3 + 5 + 4)
  const flood = box.got.filter(({ to }) => to.includes('root@zeta.example'))
  assert.deepEqual([flood.length, /^Subject: .*496 more alerts of zeta/m.test(flood[4]?.text ?? '')], [5, true])
})

test('INC-6 what was under way as the server stopped is sent again under the same id, and what waited is sent', async (t) => {
  let isHanging = true
  await using receiver = await startReceiver((response) => {
    if (!isHanging) response.end()
  })
  const at = await rooms(t, [receiver.origin], receiver.ca)
  await at.channel('acme', 'a', `${receiver.origin}/`)
  await at.tell(told('acme', '1'), told('acme', '2'))
  await receiver.came(1)
  await at.restarts(() => {
    isHanging = false
  })
  await at.until(2)
  const ids = receiver.got.map(({ id }) => id)
  assert.deepEqual([ids.length, ids[0] === ids[1], new Set(ids).size], [3, true, 2])
})

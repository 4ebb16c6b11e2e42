// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type JsonObject, systemClock } from '@sealwatch/base'
import { dataApp } from '../../../../test/data-app.ts'
import { type DataRoom, firstMs, openDataRoom, type TestHost } from '../../../../test/data-room.ts'
import { hostRoutes } from './hosts.ts'

const hourMs = 3_600_000
let room: DataRoom
let app: ReturnType<typeof dataApp>
let [one, two, theirs]: TestHost[] = []

before(async () => {
  room = await openDataRoom(['acme', 'zeta'], { ...systemClock, nowMs: () => firstMs + hourMs })
  app = dataApp(room, hostRoutes(room.ports))
  one = await room.host('acme', 'web-1')
  two = await room.host('acme', 'web-2')
  theirs = await room.host('zeta', 'theirs')
})
after(() => room[Symbol.asyncDispose]())

const told = (event_code: string, unmapped: JsonObject = {}): JsonObject => ({
  class_uid: 6002,
  metadata: { event_code },
  unmapped,
})
const attached = (sites: JsonObject) =>
  told('sensor_attached', { sensor: { era: 'e', kernel: '6.18', fresh: true, sites } })
const hostOf = async (host: TestHost | undefined) =>
  (await app('acme', 'host:list').get(`/api/v1/hosts/${host?.id}`)).json()

test('a host is told with its certificate, its chain, and what its sensor sees, however that changes', async () => {
  assert.ok(one)
  const fresh = await hostOf(one)
  assert.deepEqual([fresh.hostname, fresh.os, fresh.lines, fresh.last_line_at], ['web-1', 'Debian', 0, null])
  assert.deepEqual(fresh.sensor, { mode: 'unknown', since: null, kernel: null, modes: null, unseen: [], sites: [] })

  const sites = { exec: { ok: true, reason: '' }, lsm: { ok: false, reason: 'the kernel refuses it' } }
  await one.live([told('agent_started'), attached(sites)])
  await one.ship([{ class_uid: 1007 }], {
    at: '1',
    era: 'e',
    sites: { exec: ['9007199254740993', '2', '4', '3', '0', '1'] },
  })
  await one.ship([{ class_uid: 1007 }])
  const { sensor, lines, last_line_at } = await hostOf(one)
  const none = { produced: null, dropped: null, sent: null, sealed: null, shed: null }
  assert.deepEqual(sensor.sites, [
    {
      ...{ name: 'exec', attached: true, reason: null, stands_by: false },
      ...{ produced: '9007199254740993', dropped: '2', sent: '4', sealed: '2', shed: '1' },
    },
    { name: 'lsm', attached: false, reason: 'the kernel refuses it', stands_by: false, ...none },
  ])
  assert.deepEqual([sensor.mode, sensor.kernel, lines], ['partial', '6.18', 5])
  assert.match(last_line_at, /^\d{4}-/)

  const modeAfter = async (...events: JsonObject[]) => {
    await one?.live(events)
    return (await hostOf(one)).sensor.mode
  }
  assert.equal(await modeAfter(told('sensor_lost')), 'lost')
  assert.equal(await modeAfter(attached({ exec: { ok: true } })), 'full')
  assert.equal(await modeAfter(told('agent_stopped')), 'stopped')
  assert.equal(await modeAfter(attached({ exec: { ok: false } })), 'none')
  for (let i = 0; i < 100; i += 1) await one.live([told('config_applied')])
  assert.equal((await hostOf(one)).sensor.mode, 'none', 'however much it has said of other things since')
  // Whatever a host says of itself, it is told.
  assert.equal(await modeAfter(told('sensor_attached', { sensor: 'none' })), 'none')
  assert.equal(await modeAfter(attached({ exec: 7, a: null, b: { ok: 'true', reason: [] } })), 'none')
  await one.ship([{}], { sites: { exec: ['x', -1, null], other: 7 } })
  assert.equal((await hostOf(one)).sensor.sites[0].produced, null)
})

test('RIM-1 a host is told with how its kernel protects itself, by its newest words', async () => {
  assert.ok(one)
  assert.equal((await hostOf(one)).posture, null)
  const say = async (posture: unknown) => {
    await one?.live([told('posture', { posture } as JsonObject)])
    return (await hostOf(one)).posture
  }
  await say({ lockdown: 'integrity', lsm: null })
  const { since, settings } = await say({ lockdown: 'none', 'kernel/core_pattern': '|/bin/x', lsm: null })
  assert.match(since, /^\d{4}-/)
  assert.deepEqual(settings, [
    { name: 'kernel/core_pattern', value: '|/bin/x' },
    { name: 'lockdown', value: 'none' },
    { name: 'lsm', value: null },
  ])
  // Whatever a host says of itself.
  assert.deepEqual((await say({ 'A B': '1', lsm: 7, lockdown: 'x'.repeat(999) })).settings, [
    { name: 'lockdown', value: 'x'.repeat(256) },
  ])
  assert.deepEqual((await say('none')).settings, [])
})

test('AGT-2 a host is told with what watches it, what that does not see, and which sources stand by', async () => {
  assert.ok(two)
  const host = two
  const modes = { process: 'ebpf', file: 'fanotify', network: 'sock_diag' }
  const sites = {
    exec: { ok: true, reason: '' },
    connect: { ok: false, reason: '' },
    sock_diag: { ok: true, reason: '' },
  }
  const say = async (sensor: JsonObject) => {
    await host.live([told('sensor_attached', { sensor: { kernel: '5.4', sites, ...sensor } })])
    return (await hostOf(host)).sensor
  }
  const seen = await say({ modes, unseen: ['how a watched file was opened'] })
  assert.deepEqual([seen.mode, seen.modes, seen.unseen], ['partial', modes, ['how a watched file was opened']])
  assert.deepEqual(
    seen.sites.map(({ name, attached, stands_by }: JsonObject) => [name, attached, stands_by]),
    [
      ['connect', false, true],
      ['exec', true, false],
      ['sock_diag', true, false],
    ],
  )
  assert.equal((await say({ modes })).mode, 'full')
  // Whatever a host says of itself.
  const { modes: none, unseen } = await say({ modes: { ...modes, file: 'x y' }, unseen: [7, 'a'.repeat(9000)] })
  assert.deepEqual([none, unseen], [null, ['a'.repeat(400)]])
})

test('when nobody knows what happened on a host is told with it, for as long as it was (LOG-2)', async () => {
  assert.ok(two)
  const host = two
  const nowMs = room.ports.clock.nowMs()
  const at = (agoS: number) => `${new Date(nowMs - agoS * 1000).toISOString().slice(0, -1)}000000Z`
  const log = (event_code: string, unmapped: JsonObject): JsonObject => ({
    class_uid: 1008,
    metadata: { event_code },
    unmapped,
  })
  const gap = (from: unknown, to: unknown) => log('gap', { gap: { cause: 'agent_stopped', from, to } as JsonObject })
  const { unknown } = await hostOf(host)
  assert.deepEqual([unknown.intervals, unknown.length_ms, unknown.newest], [0, 0, null])
  await host.ship([gap(at(600), at(540))])
  const [leaf] = (await host.ship([gap(at(90), at(15))])).slice(-1)
  // What is no interval, and what is none of these, counts for nothing.
  await host.ship([
    gap(at(15), at(90)),
    gap('never', 7),
    log('gap', {}),
    log('drop', { drop: { from: at(9), to: at(8) } }),
  ])
  await room.ports.index.waitFor('acme', room.ledgers.get('acme').size, AbortSignal.timeout(30_000))
  const after = (await hostOf(host)).unknown
  assert.deepEqual([after.intervals, after.length_ms], [2, 135_000])
  assert.deepEqual([after.newest.cause, after.newest.leaf_index], ['agent_stopped', leaf])
  assert.equal((await hostOf(one)).unknown.intervals, 0)
})

test('hosts come page by page, and none of another tenant', async () => {
  const acme = app('acme', 'host:list')
  const ids = [one?.id, two?.id].sort()
  const first = (await acme.get('/api/v1/hosts?limit=1')).json()
  const rest = (await acme.get(`/api/v1/hosts?limit=1&cursor=${first.next}`)).json()
  assert.deepEqual(
    [...first.items, ...rest.items].map(({ host_id }) => host_id),
    ids,
  )
  assert.equal(rest.next, null)
  const unknown = await acme.get(`/api/v1/hosts/${'0'.repeat(32)}`)
  const foreign = await acme.get(`/api/v1/hosts/${theirs?.id}`)
  assert.deepEqual([unknown.statusCode, foreign.statusCode], [404, 404])
  assert.equal((await acme.get('/api/v1/hosts/x')).statusCode, 400)
})

test('a host is invited and revoked in the name of whoever asks', async () => {
  const admin = app('acme', 'host:invite', 'host:revoke')
  const made = await admin.post('/api/v1/hosts/invitations', {})
  assert.deepEqual(
    [made.statusCode, made.json()],
    [201, { token: 'swj_x', expires_at: '2026-01-01T00:00:00Z', ledger: { tenant: 'default', leaf_index: 3 } }],
  )
  assert.equal((await admin.post('/api/v1/hosts/invitations', { ttl_seconds: 604_801 })).statusCode, 400)
  const gone = await admin.post(`/api/v1/hosts/${one?.id}/revoke`, { cause: 'stolen' })
  assert.deepEqual(gone.json(), { ledger: { tenant: 'acme', leaf_index: 9 } })
  assert.deepEqual(room.revoked, [
    { name: 'machine:acme-host:invite-host:revoke', tenant: 'acme', hostId: one?.id, cause: 'stolen' },
  ])
  const viewer = app('acme', 'host:list')
  assert.equal((await viewer.post(`/api/v1/hosts/${one?.id}/revoke`, { cause: 'x' })).statusCode, 403)
})

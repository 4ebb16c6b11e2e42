// SPDX-License-Identifier: Apache-2.0
// RIM-3, RIM-4: what a whole server does when its guard tells it that somebody reached for its memory, while it serves.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type JsonObject, systemClock } from '@sealwatch/base'
import { createLines, lineOf, readFromService } from '@sealwatch/protect/protocol'
import { joinHost, type TestHost } from './host.ts'
import { startServer, type TestServer } from './server.ts'

const dir = mkdtempSync(join(tmpdir(), 'sealwatch-test-guarded-'))
const socket = join(dir, 'protect.sock')
const threat = { severity: 'critical', way: 'proc_mem_read', technique: 'T1003.007' } as const
const patienceMs = 30_000
let server: TestServer
let host: TestHost
let connection: Socket
const said: string[] = []

/** The guard's end. */
const guard = createServer((service) => {
  connection = service
  const lines = createLines((line) => said.push(line))
  service.setEncoding('utf8').on('data', (text: string) => assert.ok(lines(text)))
})

before(async () => {
  await once(guard.listen(socket), 'listening')
  server = await startServer({ SEALWATCH_SERVER_GUARD_SOCKET: socket })
  await server.root('cluster').call('createTenant', { body: { name: 'acme' } })
  host = await joinHost(server, 'acme', 'web-1')
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  guard.close()
  rmSync(dir, { recursive: true })
})

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += 20) {
    const found = await look()
    if (found !== undefined) return found
    await systemClock.sleep(20)
  }
  throw new Error(`${what}: not within ${patienceMs} ms`)
}

const keysTold = async () => {
  const { items } = await server
    .root('cluster')
    .call('listEvents', { query: { order: 'oldest', filter: 'source = server and text ~ key', limit: 100 } })
  return items.flatMap(({ line }) => {
    const { metadata, unmapped } = line.event as { metadata: JsonObject; unmapped: JsonObject }
    return /^keys_/.test(String(metadata.event_code)) ? [{ code: metadata.event_code, ...unmapped }] : []
  }) as { readonly code: string; readonly [member: string]: unknown }[]
}

/** One request that needs the keys: the names in the newest events are opened. Throws where one is not there. */
async function request(): Promise<number> {
  const { items } = await server.root('acme').call('listEvents', {
    query: { filter: 'class = process', limit: 20, reveal: 'true' },
  })
  for (const { personal } of items) assert.ok(JSON.stringify(personal).includes('alice'), JSON.stringify(personal))
  return items.length
}

test('the server asks its guard to be watched over, and says what it can do', async () => {
  const first = await until('a registration', () => said.shift())
  assert.deepEqual(readFromService(first), { v: 1, protect: 'server', steps: ['evict', 'rotate'] })
  connection.write(lineOf({ ok: true, id: 'p-1', audit: [], mode: 'on' }))
  await until('its word', () => server.log.find((line) => line.includes('the guard watches over the memory')))
})

test('RIM-4 its keys are wiped, rotated and wrapped anew while it takes events and opens values: no request fails', async () => {
  const see = () => host.see({ class_uid: 1007, activity_id: 1, severity_id: 1, actor: { user: { name: 'alice' } } })
  see()
  await until('a first value', async () => ((await request()) > 0 ? true : undefined))
  let isOver = false
  let [requests, failed] = [0, 0]
  const clients = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      see()
      requests += 1
      await request().catch((error: unknown) => {
        failed += 1
        console.error(error)
      })
    }
  })
  const flow = async (count: number) => {
    const from = requests
    await until('requests', () => (requests - from >= count ? true : undefined))
  }
  const incident = 'inc-1'
  const answers: string[] = []
  let told: Awaited<ReturnType<typeof keysTold>> = []
  try {
    await flow(20)
    connection.write(lineOf({ threat: { incident, ...threat }, steps: ['evict', 'rotate'] }))
    for (const step of ['evicted', 'rotated']) answers.push(await until(step, () => said.shift()))
    told = await until('all that was done', async () => {
      const lines = await keysTold()
      return lines.some(({ code }) => code === 'keys_wrapped_anew') ? lines : undefined
    })
    await flow(20)
  } finally {
    isOver = true
    await Promise.all(clients)
  }
  const [evicted, rotated] = answers.toSorted().map(readFromService)
  assert.match(JSON.stringify(evicted), /"done":"evict","incident":"inc-1","ok":true,"detail":"[1-9]\d* keys"/)
  assert.deepEqual(rotated, { done: 'rotate', incident, ok: true, detail: 'epoch 2' })
  assert.equal(failed, 0, `of ${requests}`)
  assert.deepEqual(told.map(({ code }) => code).toSorted(), ['keys_evicted', 'keys_rotated', 'keys_wrapped_anew'])
  for (const { incident_id, code } of told)
    assert.equal(incident_id, code === 'keys_wrapped_anew' ? undefined : incident)
  const { epoch, to_rewrap } = await server.root('cluster').call('getKeys')
  assert.deepEqual([epoch, to_rewrap], [2, 0])
})

test('RIM-3 RIM-4 what is ordered again in one incident is done again, and told again', async () => {
  connection.write(lineOf({ threat: { incident: 'inc-1', ...threat }, steps: ['evict'], number: 2 }))
  assert.match(await until('evicted again', () => said.shift()), /"incident":"inc-1","number":2,"ok":true/)
  await until('told again', async () => {
    const told = (await keysTold()).filter(
      ({ code, incident_id }) => code === 'keys_evicted' && incident_id === 'inc-1',
    )
    return told.length === 2 ? told : undefined
  })
})

test('keys are wiped by hand, of a tenant or all, and the ledger says by whom', async () => {
  await request()
  const evict = (body: { tenant?: string }) => server.root('cluster').call('evictKeys', { body })
  const { keys, ledger } = await evict({ tenant: 'acme' })
  assert.ok(keys > 0)
  assert.equal(ledger.tenant, 'cluster')
  assert.ok((await evict({})).keys >= 0)
  await request()
  await assert.rejects(evict({ tenant: 'nobody' }), (error: { problem: { code: string } }) => {
    assert.equal(error.problem.code, 'TENANT_UNKNOWN')
    return true
  })
  const { line } = await server.root('cluster').call('getEvent', { params: { leaf: ledger.leaf_index as number } })
  assert.match(JSON.stringify(line), /keys of the tenant acme were wiped from memory by order of operator:root/)
})

test('keys are rotated by hand, and the ledger says by whom', async () => {
  const { epoch } = await server.root('cluster').call('rotateKeys')
  const filter = 'text ~ "rotated by order of operator:root"'
  const told = await until('told', async () => {
    const { items } = await server.root('cluster').call('listEvents', { query: { filter, limit: 1 } })
    return items[0]?.line.event
  })
  assert.equal((told.unmapped as JsonObject).epoch, epoch)
})

test('RIM-4 an incident that came with the ledger, of which the guard said nothing, has the keys wiped, too', async () => {
  const opened = readFileSync(join(import.meta.dirname, '../../vectors/events/guard-incident-opened.json'), 'utf8')
  const { unmapped, device, ...event } = JSON.parse(opened) as Record<string, JsonObject>
  const boot_uid = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const guard_incident = { ...(unmapped?.guard_incident as JsonObject), incident: 'inc-2', name: 'server' }
  host.see({ ...event, device: { ...device, boot_uid }, unmapped: { guard_incident } })
  const evicted = await until('evicted', async () =>
    (await keysTold()).find(({ code, incident_id }) => code === 'keys_evicted' && incident_id === 'inc-2'),
  )
  assert.equal(evicted.incident_source, 'ledger')
})

test('RIM-2, API-1: what a guard told of an attempt is one incident, to be read with its timeline and its lines; another host that names it adds nothing', async () => {
  const root = server.root('acme')
  const event = (name: string) => {
    const text = readFileSync(join(import.meta.dirname, `../../vectors/events/guard-${name}.json`), 'utf8')
    return JSON.parse(text.replaceAll('inc_0123456789abcdef', 'inc-3')) as JsonObject
  }
  for (const name of ['incident-opened', 'incident-updated', 'killed', 'incident-closed']) host.see(event(name))
  const closed = await until('closed', async () =>
    (await root.call('listIncidents', { query: {} })).items.find(
      ({ incident, state }) => incident === 'inc-3' && state === 'closed',
    ),
  )
  assert.deepEqual([closed.name, closed.severity_id, closed.host?.name], ['vault', 5, 'web-1'])
  assert.deepEqual(
    closed.responses.map(({ step, state }) => [step, state]),
    [['kill', 'done']],
  )
  await using other = await joinHost(server, 'acme', 'web-2')
  other.see(event('incident-graver'))
  const { size } = await root.call('getLedger')
  await until('its line', async () => ((await root.call('getLedger')).size > size ? true : undefined))
  const { incident, timeline, evidence, lines_left_out } = await root.call('getIncident', {
    params: { incident: 'inc-3' },
  })
  assert.deepEqual([incident.state, evidence.length, lines_left_out], ['closed', 4, 0])
  assert.deepEqual(
    evidence.map(({ code }) => code),
    ['guard_incident_opened', 'guard_incident_updated', 'guard_response', 'guard_incident_closed'],
  )
  assert.deepEqual([timeline[0]?.kind, timeline.at(-1)?.kind], ['opened', 'closed'])
  const first = evidence[0] ?? assert.fail()
  const line = await root.call('getEvent', { params: { leaf: first.leaf_index } })
  assert.equal(line.leaf_hash, first.leaf_hash)
  const page = await root.call('listIncidents', { query: { limit: 1 } })
  assert.deepEqual([page.items.length, page.items[0]?.incident], [1, 'inc-3'])
  const rest = await root.call('listIncidents', { query: { limit: 1, cursor: page.next ?? '' } })
  assert.deepEqual(
    rest.items.map(({ incident: id }) => id),
    ['inc-2'],
  )
  await assert.rejects(root.call('getIncident', { params: { incident: 'inc-nobodys' } }), /one of this tenant/)
})

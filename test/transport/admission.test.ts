// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { ConnectError } from '@connectrpc/connect'
import type { JsonObject } from '@sealwatch/base'
import { limits, protocol, type ShipRequestSchema } from '@sealwatch/contract'
import { certificateRequest, newTlsKey } from '@sealwatch/keys'
import type { ChainBatch } from '@sealwatch/ledger'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { acceptCertificates, type Identity } from '../../apps/agent/src/ship/identity.ts'
import { verifyCertificateRequest } from '../../apps/server/src/identity/index.ts'
import { agentActions } from '../../apps/server/src/ingest/transport/handlers.ts'
import { across } from '../../apps/server/src/store/index.ts'
import { atEnd } from './at-end.ts'
import {
  chainOf,
  enrolled,
  facts,
  noConfigs,
  noPresence,
  operator,
  prepareAgent,
  type Server,
  sealSome,
  startServer,
} from './fixture.ts'
import { shiftingClock } from './shifting-clock.ts'

const hourMs = 3_600_000
const saysCode = (code: string) => (error: unknown) =>
  error instanceof ConnectError && error.metadata.get('sealwatch-error') === code

type Registration = {
  agentProtoVersion?: number
  agentVersion?: string
  facts?: Partial<typeof facts>
  chains?: { chain: string; tenant: string; writer?: string; nextSeq: bigint; tip?: Uint8Array }[]
}
type Batch = MessageInitShape<typeof ShipRequestSchema>
const chainA = { chain: 'a'.repeat(32), tenant: 'default', nextSeq: 0n }
const registration = (over: Registration = {}) => ({
  agentProtoVersion: protocol.version,
  agentVersion: '0.1.0',
  capabilities: ['side-values', 'time-travel'],
  facts,
  chains: [chainA],
  ...over,
})

const batchOf = (batch: ChainBatch | undefined): Batch => {
  assert(batch)
  return { chain: batch.chain, firstSeq: BigInt(batch.firstSeq), count: batch.count, lines: batch.lines }
}

function clientOf(t: TestContext, server: Server, identity?: Identity) {
  const connection = connectAgent(server.url, server.identity.authority.certificate.toString(), identity)
  atEnd(t, connection.close)
  return connection.client
}

async function member(t: TestContext, server: Server, tenant = 'default') {
  const agent = await prepareAgent(t, server)
  const { current } = await enrolled(server, agent, tenant)
  return { agent, identity: current, client: clientOf(t, server, current) }
}

/** Ships nothing and reads the first answer, which is how the stream ends. */
async function openStream(client: ReturnType<typeof clientOf>, requests: Iterable<Batch> = []) {
  for await (const answer of client.ship(asyncly(requests))) return answer
  return undefined
}

async function* asyncly<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items
}

test('without a certificate there is enrolment and nothing else', async (t) => {
  const server = await startServer(t)
  const client = clientOf(t, server)
  const missing = saysCode('CERTIFICATE_MISSING')
  await assert.rejects(client.register(registration()), missing)
  await assert.rejects(client.renew({ csr: certificateRequest(newTlsKey()) }), missing)
  await assert.rejects(openStream(client), missing)
  assert.equal(server.transport.counters.denied, 3)
})

test('a certificate of another CA is foreign, expired or not', async (t) => {
  const clock = shiftingClock()
  const [server, other] = [await startServer(t, { clock }), await startServer(t)]
  const { identity } = await member(t, other)
  const client = clientOf(t, server, identity)
  await assert.rejects(client.register(registration()), saysCode('CERTIFICATE_FOREIGN'))
  clock.advance(48 * hourMs)
  await assert.rejects(client.renew({ csr: certificateRequest(newTlsKey()) }), saysCode('CERTIFICATE_FOREIGN'))
})

test('an expired certificate opens nothing but renewal, and that for 30 days', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { client } = await member(t, server)
  const csr = certificateRequest(newTlsKey())
  clock.advance(24 * hourMs)
  await assert.rejects(client.register(registration()), saysCode('CERTIFICATE_EXPIRED'))
  assert.equal((await client.renew({ csr })).certificates.length, 2)
  clock.advance(30 * 24 * hourMs)
  await assert.rejects(client.renew({ csr }), saysCode('CERTIFICATE_EXPIRED'))
})

test('revocation ends live streams, refuses the host from then on, and outlives the server', async (t) => {
  const server = await startServer(t)
  const { agent, identity, client } = await member(t, server)
  const bystander = await member(t, server)
  await client.register(registration())
  await bystander.client.register(registration({ chains: [{ ...chainA, chain: 'b'.repeat(32) }] }))
  const stalled = new AbortController()
  atEnd(t, () => stalled.abort())
  async function* silent() {
    await once(stalled.signal, 'abort')
    yield* [] as Batch[]
  }
  const stream = client.ship(silent())[Symbol.asyncIterator]().next()
  const untouched = bystander.client.ship(silent())[Symbol.asyncIterator]().next()
  untouched.catch(() => undefined)
  while (server.transport.streams < 2) await new Promise(setImmediate)
  await server.identity.hosts.revoke(operator, 'default', identity.hostId, 'lost')
  await assert.rejects(stream)
  while (server.transport.streams > 1) await new Promise(setImmediate)
  await assert.rejects(client.register(registration()), saysCode('HOST_REVOKED'))

  stalled.abort()
  await server.stop()
  const clock = shiftingClock()
  const later = await startServer(t, { dir: server.dir, clock })
  const again = clientOf(t, later, identity)
  await assert.rejects(again.register(registration()), saysCode('HOST_REVOKED'))
  await assert.rejects(again.renew({ csr: certificateRequest(newTlsKey()) }), saysCode('HOST_REVOKED'))
  // Also once the certificate, which is renewed no more, is over.
  clock.advance(24 * hourMs)
  await assert.rejects(again.register(registration()), saysCode('HOST_REVOKED'))
  agent.abort()
})

test('a stream whose certificate expires is answered what it has sent, and told why it ends', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { agent, client } = await member(t, server)
  const chain = await chainOf(t, agent)
  await sealSome(chain, 1)
  const batch = batchOf(await chain.readBatch(0))
  await client.register(registration({ chains: [{ ...chainA, chain: chain.id }] }))
  const answered = Promise.withResolvers<void>()
  server.ingest.before = () => answered.promise
  async function* openEnded() {
    yield batch
    await new Promise(() => undefined)
  }
  const answers = client.ship(openEnded())[Symbol.asyncIterator]()
  const first = answers.next()
  await server.ingest.until(chain.id, Number(batch.count))
  clock.advance(24 * hourMs)
  answered.resolve()
  assert.equal((await first).value?.outcome.case, 'acknowledged')
  await assert.rejects(answers.next(), /CERTIFICATE_EXPIRED.*Connect again/)
})

test('a host that the store does not know is refused', async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server)
  await across(server.store.db, 'status').deleteFrom('hosts').execute()
  await assert.rejects(client.register(registration()), saysCode('HOST_UNKNOWN'))
})

test('registration negotiates versions and capabilities', async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server)
  const answer = await client.register(registration())
  assert.deepEqual(
    [answer.serverProtoVersion, answer.minSupportedAgentProtoVersion, answer.capabilities],
    [protocol.version, protocol.minSupportedAgentVersion, ['side-values']],
  )
  const { hostname, agent_version } = await across(server.store.db, 'status')
    .selectFrom('hosts')
    .selectAll()
    .executeTakeFirstOrThrow()
  assert.deepEqual([hostname, agent_version], ['web-1', '0.1.0'])
  await assert.rejects(client.register(registration({ agentProtoVersion: 0 })), (error) => {
    assert(saysCode('AGENT_TOO_OLD')(error))
    assert.match(String(error), /failed_precondition.*min_supported_agent_proto_version is 1.*Upgrade/s)
    return true
  })
})

test('what a registration leaves out or gets wrong is named', async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server)
  const tooMany = Array.from({ length: limits.chainsPerHostMax + 1 }, (_, n) => ({
    ...chainA,
    chain: n.toString(16).padStart(32, '0'),
  }))
  const cases: readonly [Registration, RegExp][] = [
    [{ agentVersion: '' }, /agent_version/],
    [{ chains: [] }, /0 chains/],
    [{ chains: tooMany }, /65 chains/],
    [{ chains: [chainA, chainA] }, /a chain twice/],
    [{ chains: [{ ...chainA, chain: 'A'.repeat(32) }] }, /the chain/],
    [{ chains: [{ ...chainA, tenant: '../x' }] }, /the tenant/],
    [{ chains: [{ ...chainA, writer: 'ghost' }] }, /the writer/],
    [{ chains: [{ ...chainA, nextSeq: 1n << 60n }] }, /next_seq/],
    [{ chains: [{ ...chainA, nextSeq: 1n, tip: new Uint8Array(31) }] }, /31 bytes/],
    [{ chains: [{ ...chainA, tip: new Uint8Array(32) }] }, /32 bytes/],
  ]
  for (const [over, expected] of cases)
    await assert.rejects(client.register(registration(over)), (error) => {
      assert(saysCode('REGISTRATION_INCOMPLETE')(error))
      assert.match(String(error), expected)
      return true
    })
  await assert.rejects(client.register(registration({ facts: {} })), saysCode('HOST_FACTS_INVALID'))
  await assert.rejects(openStream(client), saysCode('NOT_REGISTERED'))
})

test('AGT-8 a host that takes another name is told of in both ledgers and shown with the one before, and not without end', async (t) => {
  const names: string[] = []
  const presence = { ...noPresence, registered: ({ hostname }: { hostname: string }) => void names.push(hostname) }
  const server = await startServer(t, { clock: shiftingClock(), presence })
  const [one, other] = [await member(t, server), await member(t, server)]
  const call = ({ client, identity }: typeof one, hostname: string) =>
    client.register(registration({ facts: { ...facts, hostname }, chains: [{ ...chainA, chain: identity.hostId }] }))
  const rowOf = (hostId: string) =>
    across(server.store.db, 'status').selectFrom('hosts').select(['hostname', 'renamed']).where('host_id', '=', hostId)
  const { hostId } = one.identity
  for (const hostname of ['web-1', 'prod-db', 'prod-db']) await call(one, hostname)
  const { hostname, renamed } = await rowOf(hostId).executeTakeFirstOrThrow()
  assert.deepEqual([hostname, JSON.parse(renamed ?? 'null').from], ['prod-db', 'web-1'])
  assert.deepEqual(names, ['web-1', 'prod-db', 'prod-db'], 'whoever watches it knows it by its name')

  await call(other, 'prod-db')
  for (let i = 0; i < 20; i += 1) await call(other, `name-${i}`)
  assert.equal((await rowOf(other.identity.hostId).executeTakeFirstOrThrow()).hostname, 'name-8')
  assert.equal(names.at(-1), 'name-8')
  const told = () =>
    server.said.flatMap(({ tenant, body }) => {
      const { metadata, severity, entity, unmapped } = ('event' in body ? body.event : {}) as JsonObject
      const { renamed_from, same_name } = (unmapped ?? {}) as JsonObject
      return (metadata as JsonObject | undefined)?.event_code === 'host_renamed'
        ? [[tenant, severity, (entity as JsonObject).name, renamed_from, same_name]]
        : []
    })
  while (told().length < 22) await new Promise(setImmediate)
  const both = (...row: unknown[]) => ['default', 'cluster'].map((tenant) => [tenant, ...row])
  assert.deepEqual(told().slice(0, 6), [
    ...both('Low', 'prod-db', 'web-1', []),
    ...both('Medium', 'prod-db', 'web-1', [hostId]),
    ...both('Low', 'name-0', 'prod-db', []),
  ])
  assert.equal(told().length, 22)
})

test('a chain belongs to the host and the tenant that registered it first', async (t) => {
  const server = await startServer(t)
  const [first, second] = [await member(t, server), await member(t, server)]
  await first.client.register(registration())
  const another = saysCode('CHAIN_OF_ANOTHER')
  await assert.rejects(second.client.register(registration()), another)
  await assert.rejects(first.client.register(registration({ chains: [{ ...chainA, tenant: 'cluster' }] })), another)
  await assert.rejects(first.client.register(registration({ chains: [{ ...chainA, writer: 'guard' }] })), another)

  // A registration that fails in part has bound nothing.
  const free = { ...chainA, chain: 'f'.repeat(32) }
  await assert.rejects(second.client.register(registration({ chains: [free, chainA] })), another)
  await first.client.register(registration({ chains: [free] }))
})

test("POL-1 a host registers chains of its own tenant and of the cluster, and of no other's", async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server, 'acme')
  const chainOfTenant = (char: string, tenant: string) => ({ chain: char.repeat(32), tenant, nextSeq: 0n })
  const [own, cluster] = [chainOfTenant('1', 'acme'), chainOfTenant('2', 'cluster')]
  for (const tenant of ['default', 'globex']) {
    const chains = [own, chainOfTenant('3', tenant)]
    await assert.rejects(client.register(registration({ chains })), saysCode('CHAIN_OF_ANOTHER_TENANT'))
  }
  assert.deepEqual(await across(server.store.db, 'status').selectFrom('chains').select('chain').execute(), [])
  assert.deepEqual(
    server.denied.map(({ principal, action, tenant }) => [principal.kind, action, tenant]),
    [
      ['agent', 'agent:report', 'default'],
      ['agent', 'agent:report', 'globex'],
    ],
  )
  await client.register(registration({ chains: [own, cluster] }))
})

test('POL-1 every method but enrolment passes the gate as the host that calls', async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server, 'acme')
  server.tenantsGone.add('acme')
  const chains = [{ chain: '1'.repeat(32), tenant: 'acme', nextSeq: 0n }]
  const calls: { readonly [M in keyof typeof agentActions]: () => Promise<unknown> } = {
    enrol: async () => undefined,
    renew: () => client.renew({ csr: certificateRequest(newTlsKey()) }),
    register: () => client.register(registration({ chains })),
    ship: () => openStream(client),
    live: () => client.live(asyncly([{ heartbeat: '' }])),
    configure: () =>
      client
        .configure(asyncly([{}]))
        [Symbol.asyncIterator]()
        .next(),
  }
  for (const [method, action] of Object.entries(agentActions))
    if (action !== 'open')
      await assert.rejects(calls[method as keyof typeof calls](), saysCode('ACCESS_DENIED'), method)
  assert.equal(server.denied.length, 5)
})

test('INC-4 what a host says of its hands is strictly read, and no key counts under which anybody signs', async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server)
  await client.register(registration({ chains: [{ chain: '1'.repeat(32), tenant: 'default', nextSeq: 0n }] }))
  const said = { guardKey: Uint8Array.of(2, ...new Uint8Array(31)), orderVersion: 0n, orderDigest: '', refusedWhy: '' }
  const says = (change: object) =>
    client
      .configure(asyncly([{ hands: { ...said, ...change } }]))
      [Symbol.asyncIterator]()
      .next()
  for (const change of [
    { guardKey: new Uint8Array(32) },
    { guardKey: new Uint8Array(31).fill(7) },
    { orderDigest: 'x' },
    { orderVersion: 2n ** 63n },
    { orderVersion: 2n ** 40n + 1n },
  ])
    await assert.rejects(says(change), saysCode('MESSAGE_MALFORMED'), JSON.stringify(Object.keys(change)))
})

test('AGT-6 the server goes on counting from what a host says: a version after which there would soon be no number is refused', async (t) => {
  const reports: number[] = []
  const report = async (_: unknown, { version, refusedVersion }: { version: number; refusedVersion: number }) =>
    void reports.push(version, refusedVersion)
  const server = await startServer(t, { configs: { ...noConfigs, report } })
  const { client } = await member(t, server)
  await client.register(registration({ chains: [{ chain: '1'.repeat(32), tenant: 'default', nextSeq: 0n }] }))
  const says = (change: object) =>
    client
      .configure(asyncly([change]))
      [Symbol.asyncIterator]()
      .next()
  const greatest = 2n ** 40n
  for (const change of [{ version: greatest + 1n }, { refusedVersion: 2n ** 53n - 1n }])
    await assert.rejects(says(change), saysCode('MESSAGE_MALFORMED'), JSON.stringify(Object.keys(change)))
  assert.equal((await says({ version: greatest, refusedVersion: greatest })).done, true)
  assert.deepEqual(reports, [Number(greatest), Number(greatest)])
})

test("another host's certificate cannot ship somebody's chain, and disturbs nobody", async (t) => {
  const server = await startServer(t)
  const [owner, thief] = [await member(t, server), await member(t, server)]
  const chain = await chainOf(t, owner.agent)
  await sealSome(chain, 2)
  const batches = [batchOf(await chain.readBatch(0)), batchOf(await chain.readBatch(5))]
  const mine = { chain: chain.id, tenant: 'default', nextSeq: 0n }
  await owner.client.register(registration({ chains: [mine] }))
  await thief.client.register(registration({ chains: [{ ...chainA, chain: 'b'.repeat(32) }] }))
  await assert.rejects(openStream(thief.client, batches), saysCode('NOT_REGISTERED'))
  assert.equal(server.ingest.chains.get(chain.id)?.nextSeq, 0)
  assert.equal((await openStream(owner.client, batches))?.outcome.case, 'acknowledged')
})

test('AGT-8 hosts that come at once register in turns, and for one that gave up meanwhile nothing is done', async (t) => {
  const server = await startServer(t)
  const [first, gone, last] = [await member(t, server), await member(t, server), await member(t, server)]
  const of = (letter: string) => registration({ chains: [{ ...chainA, chain: letter.repeat(32) }] })
  const asked: string[] = []
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  atEnd(t, held.resolve)
  server.ingest.position = async (_, chain) => {
    asked.push(chain.slice(0, 1))
    reached.resolve()
    await held.promise
    return { nextSeq: 0, tip: null }
  }
  const registered = first.client.register(of('a'))
  await reached.promise
  const givenUp = new AbortController()
  const answered = gone.client.register(of('b'), { signal: givenUp.signal })
  // What is said on one connection comes in its order.
  await assert.rejects(openStream(gone.client), saysCode('NOT_REGISTERED'))
  givenUp.abort()
  await assert.rejects(answered)
  await assert.rejects(openStream(gone.client), saysCode('NOT_REGISTERED'))
  const later = last.client.register(of('c'))
  held.resolve()
  await Promise.all([registered, later])
  assert.deepEqual(asked, ['a', 'c'])
  await gone.client.register(of('b'))
  assert.deepEqual(asked, ['a', 'c', 'b'])
})

test('a host that keeps beginning chains comes to an end', async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server)
  const chains = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ ...chainA, chain: (from + n).toString(16).padStart(32, '0') }))
  await client.register(registration({ chains: chains(0, 64) }))
  await client.register(registration({ chains: chains(0, 64) }))
  await assert.rejects(client.register(registration({ chains: chains(64, 1) })), saysCode('CHAINS_TOO_MANY'))
})

test('a log that was cut off or rewritten raises one alarm, in the log and in the ledger, and another a minute later at the soonest, whatever its host comes with', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { agent, client } = await member(t, server)
  const chain = await chainOf(t, agent)
  const end = await sealSome(chain, 2)
  const at = (nextSeq: number, tip: Uint8Array) =>
    registration({ chains: [{ chain: chain.id, tenant: 'default', nextSeq: BigInt(nextSeq), tip }] })
  await client.register(at(0, new Uint8Array()))
  const batch = batchOf(await chain.readBatch(0))
  const count = Number(batch.count)
  await openStream(client, [batch])
  const wrong = new Uint8Array(32).fill(7)

  await client.register(at(end, Uint8Array.fromHex(chain.position.tip ?? '')))
  await client.register(at(count, new Uint8Array()))
  assert.equal(server.log.lines.filter(({ level }) => level === 'critical').length, 0)
  for (let again = 0; again < 3; again++) {
    const { chains } = await client.register(at(0, new Uint8Array()))
    assert.equal(Number(chains[0]?.nextSeq), count)
    await client.register(at(count, wrong))
  }
  const lost = 'the log of a host lost lines at its end that the ledger has'
  const other = 'the log of a host ends in other lines than the ledger has'
  const alarms = () => server.log.lines.filter(({ level }) => level === 'critical').map(({ msg }) => msg)
  assert.deepEqual(alarms(), [lost, other])
  const lies = (from: number) =>
    Promise.all([1, 2, 3].map((n) => client.register(at(count, new Uint8Array(32).fill(from + n)))))
  await lies(10)
  assert.deepEqual(alarms(), [lost, other])
  const inLedger = () =>
    server.said.flatMap(({ tenant, body }) =>
      'event' in body && body.event.is_alert === true && tenant === 'default' ? [body.event.severity] : [],
    )
  while (inLedger().length < 2) await new Promise(setImmediate)
  assert.deepEqual(inLedger(), ['Critical', 'Critical'])
  clock.advance(60_000)
  await lies(20)
  assert.deepEqual(alarms(), [lost, other, other])
})

test('RIM-5: a chain that takes the place of another raises an alarm, once; one of the guard takes no place of the agent’s', async (t) => {
  const server = await startServer(t)
  const { client } = await member(t, server)
  const [old, next] = [chainA, { ...chainA, chain: 'b'.repeat(32) }]
  const guards = { ...chainA, chain: 'd'.repeat(32), writer: 'guard' }
  await client.register(registration({ chains: [old, { ...chainA, chain: 'c'.repeat(32), tenant: 'cluster' }] }))
  await client.register(registration({ chains: [old, guards] }))
  assert.equal(server.log.lines.filter(({ level }) => level === 'critical').length, 0)
  for (let again = 0; again < 2; again++) await client.register(registration({ chains: [guards, next] }))
  const alarm = () =>
    server.said.find(({ tenant, body }) => tenant === 'default' && 'event' in body && body.event.is_alert === true)
      ?.body
  while (alarm() === undefined) await new Promise(setImmediate)
  assert.match(JSON.stringify(alarm()), new RegExp(`${old.chain}.*${next.chain}.*chain_replaced`))
  assert.equal(server.log.lines.filter(({ level }) => level === 'critical').length, 1)
})

test('no version of TLS before 1.3 is spoken', async (t) => {
  const server = await startServer(t)
  const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
  const [error] = (await once(socket, 'error')) as [Error]
  assert.match(error.message, /protocol version/)
})

test('a renewed server certificate serves new connections while old ones live on', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { client } = await member(t, server)
  await client.register(registration())
  const serial = async () => {
    const socket = connectTls({
      port: server.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    })
    await once(socket, 'secureConnect')
    const serialNumber = socket.getPeerX509Certificate()?.serialNumber
    socket.destroy()
    return serialNumber
  }
  const before = await serial()
  clock.advance(5 * 24 * hourMs)
  while ((await serial()) === before) await new Promise(setImmediate)
  // The same connection, though its host certificate has expired meanwhile.
  await assert.rejects(client.register(registration()), saysCode('CERTIFICATE_EXPIRED'))
})

test('PKI-2 a server whose clock was a year ahead makes its certificate anew once it is right, and renews those of its hosts', async (t) => {
  const yearMs = 365 * 24 * hourMs
  const before = await startServer(t)
  const { identity } = await member(t, before)
  await before.stop()
  const clock = shiftingClock()
  clock.advance(yearMs)
  const server = await startServer(t, { clock, dir: before.dir })
  const key = newTlsKey()
  const asked = await verifyCertificateRequest(certificateRequest(key))
  const { chain } = await server.identity.authority.issueHost(asked, identity.hostId)
  const ofNextYear = clientOf(t, server, acceptCertificates(key, chain, identity.authority, identity.hostId))
  clock.setBack(yearMs)
  await assert.rejects(ofNextYear.register(registration()), /not yet valid/)
  clock.advance(60_000)
  while (server.transport.certificate.expiresAtMs > Date.now() + yearMs) await new Promise(setImmediate)
  await assert.rejects(ofNextYear.register(registration()), saysCode('CERTIFICATE_EXPIRED'))
  const { certificates } = await ofNextYear.renew({ csr: certificateRequest(key) })
  const renewed = acceptCertificates(key, certificates, identity.authority, identity.hostId)
  assert.equal((await clientOf(t, server, renewed).register(registration())).chains.length, 1)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { type TestContext, test } from 'node:test'
import { Code, ConnectError } from '@connectrpc/connect'
import { systemDisk } from '@sealwatch/base'
import { certificateRequest, type Ed25519Signer, generateSigner, newTlsKey } from '@sealwatch/keys'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { openIdentity } from '../../apps/agent/src/ship/index.ts'
import { across } from '../../apps/server/src/store/index.ts'
import { atEnd } from './at-end.ts'
import {
  type Agent,
  enrolled,
  facts,
  giveToken,
  operator,
  prepareAgent,
  type Server,
  startServer,
  temporaryDirectory,
} from './fixture.ts'
import { shiftingClock } from './shifting-clock.ts'

const codeOf = (code: string) => (line: { error?: { code?: string } }) => line.error?.code === code
const codeIn = (error: unknown) => (error instanceof ConnectError ? error.metadata.get('sealwatch-error') : undefined)
const saysCode = (code: string) => (error: unknown) => codeIn(error) === code
const eventsOf = ({ said }: Server) =>
  said.flatMap(({ tenant, body }) => {
    if (!('event' in body)) return []
    const { metadata, severity, unmapped } = body.event as Record<string, Record<string, unknown>>
    return [{ tenant, code: metadata?.event_code as string, severity, unmapped }]
  })

const inCluster = (server: Server) => eventsOf(server).filter(({ tenant }) => tenant === 'cluster')

/** The request of an honest agent, for tests that spoil one part of it. */
function requestOf(joinToken: string, signer: Ed25519Signer, csr = certificateRequest(newTlsKey())) {
  const signed = Buffer.concat([Buffer.from('sealwatch.dev/enrol/v1\n'), hash('sha256', csr, 'buffer')])
  return { joinToken, csr, facts, signingPublicKey: signer.publicKey, signingKeyProof: signer.sign(signed) }
}

function clientOf(t: TestContext, { url, identity }: Server) {
  const connection = connectAgent(url, identity.authority.certificate.toString())
  atEnd(t, connection.close)
  return connection.client
}

async function newToken({ identity }: Server, tenant = 'default'): Promise<string> {
  return (await identity.createJoinToken(operator, tenant, 3600)).token
}

test('POL-1 a join token buys an identity in its tenant: on disk, in the store, in the ledgers of tenant and cluster', async (t) => {
  const server = await startServer(t)
  const agent = await prepareAgent(t, server)
  const { current } = await enrolled(server, agent, 'acme')
  await assert.rejects(stat(agent.tokenFile), { code: 'ENOENT' })
  assert.equal((await stat(agent.options.identityFile)).mode & 0o777, 0o600)
  assert.match(current.hostId, /^[0-9a-f]{32}$/)
  assert.deepEqual((await openIdentity(agent.options))?.current, current)

  const host = await across(server.store.db, 'status').selectFrom('hosts').selectAll().executeTakeFirstOrThrow()
  assert.deepEqual([host.host_id, host.tenant], [current.hostId, 'acme'])
  assert.equal(host.cert_serial, current.serial)
  assert.equal(Date.parse(host.cert_expires_at), current.expiresAtMs)
  const keys = server.said.flatMap(({ tenant, body }) => ('key' in body ? [{ tenant, ...body.key }] : []))
  assert.deepEqual(
    keys.map(({ tenant, key_id, host_id, valid_until }) => ({ tenant, key_id, host_id, valid_until })),
    ['acme', 'cluster'].map((tenant) => ({
      tenant,
      key_id: agent.options.signer.keyId,
      host_id: current.hostId,
      valid_until: null,
    })),
  )
  assert.deepEqual(
    eventsOf(server).map(({ tenant, code }) => `${tenant} ${code}`),
    ['join_token_created', 'host_enrolled'].flatMap((code) => [`acme ${code}`, `cluster ${code}`]),
  )
  const database = await readFile(`${server.dir}/index.sqlite-wal`, 'latin1')
  assert(!database.includes('swj_') && !JSON.stringify(server.log.lines).includes('swj_'))
})

test('a token enrols one host; the second is told and keeps waiting', async (t) => {
  const server = await startServer(t)
  const first = await prepareAgent(t, server)
  const token = await giveToken(server, first)
  await openIdentity(first.options)

  const second = await prepareAgent(t, server)
  await writeFile(second.tokenFile, token)
  const waiting = openIdentity(second.options)
  const told = await second.log.until(({ level }) => level === 'critical')
  assert.match(JSON.stringify(told), /TOKEN_USED.*Create a new one/)
  assert(!JSON.stringify(second.log.lines).includes(token.slice(4, 40)))
  assert.equal(await readFile(second.tokenFile, 'utf8'), token)
  await giveToken(server, second)
  assert((await waiting)?.current)
  assert.equal(server.transport.counters.refused, 1)
})

test('of two hosts that race with one token, one wins', async (t) => {
  const server = await startServer(t)
  const token = await newToken(server)
  const client = clientOf(t, server)
  const attempts = [generateSigner(), generateSigner()].map((signer) => client.enrol(requestOf(token, signer)))
  const settled = await Promise.allSettled(attempts)
  assert.deepEqual(settled.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  assert(settled.some((result) => result.status === 'rejected' && saysCode('TOKEN_USED')(result.reason)))
  const { count } = await across(server.store.db, 'status')
    .selectFrom('hosts')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  assert.equal(count, 1)
})

test('POL-1 a host stays in its tenant, and one tenant is not told of the hosts of another', async (t) => {
  const server = await startServer(t)
  const client = clientOf(t, server)
  const signer = generateSigner()
  await client.enrol(requestOf(await newToken(server, 'acme'), signer))
  const other = await newToken(server, 'globex')
  await assert.rejects(client.enrol(requestOf(other, signer)), saysCode('HOST_OF_ANOTHER_TENANT'))
  // The same machine; and the token, which was refused to that host, is good for this one.
  await client.enrol(requestOf(other, generateSigner()))
  const [, enrolment] = eventsOf(server).filter(({ code, tenant }) => tenant !== 'cluster' && code === 'host_enrolled')
  assert.deepEqual([enrolment?.tenant, enrolment?.unmapped?.same_machine], ['globex', []])
})

test('a host whose answer was lost asks again with the same token and is the same host', async (t) => {
  const server = await startServer(t)
  const token = await newToken(server)
  const client = clientOf(t, server)
  const signer = generateSigner()
  const answers = await Promise.all([client.enrol(requestOf(token, signer)), client.enrol(requestOf(token, signer))])
  answers.push(await client.enrol(requestOf(token, signer)))
  assert.equal(new Set(answers.map(({ hostId }) => hostId)).size, 1)
  assert.equal(inCluster(server).filter(({ code }) => code === 'host_enrolled').length, 1)
  assert.equal(server.said.filter(({ body }) => 'key' in body).length, 2)
})

test('the signing key is the host: with it the id stays, without it the machine is a new host, and both are told', async (t) => {
  const server = await startServer(t)
  const client = clientOf(t, server)
  const signer = generateSigner()
  const first = await client.enrol(requestOf(await newToken(server), signer))
  const again = await client.enrol(requestOf(await newToken(server), signer))
  const other = await client.enrol(requestOf(await newToken(server), generateSigner()))
  assert.equal(again.hostId, first.hostId)
  assert.notEqual(other.hostId, first.hostId)
  const enrolments = inCluster(server).filter(({ code }) => code.startsWith('host_'))
  assert.deepEqual(
    enrolments.map(({ code, severity, unmapped }) => [
      code,
      severity,
      (unmapped as { same_machine: unknown }).same_machine,
    ]),
    [
      ['host_enrolled', 'Informational', []],
      ['host_enrolled_again', 'Informational', []],
      ['host_enrolled', 'Medium', [first.hostId]],
    ],
  )
})

test('AGT-8 a host that enrols again under another name is told of as one that registers under it', async (t) => {
  const server = await startServer(t)
  const client = clientOf(t, server)
  const signer = generateSigner()
  await client.enrol(requestOf(await newToken(server), signer))
  const token = await newToken(server)
  const renamed = { ...requestOf(token, signer), facts: { ...facts, hostname: 'prod-db' } }
  await client.enrol(renamed)
  await client.enrol(renamed)
  const told = inCluster(server).filter(({ code }) => code === 'host_renamed')
  assert.deepEqual(
    told.map(({ severity, unmapped }) => [severity, unmapped?.renamed_from]),
    [['Low', 'web-1']],
  )
})

test('an expired token is refused', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { token } = await server.identity.createJoinToken(operator, 'default', 60)
  clock.advance(60_000)
  await assert.rejects(clientOf(t, server).enrol(requestOf(token, generateSigner())), saysCode('TOKEN_EXPIRED'))
})

test('POL-1 a token that expired does not live again when the wall clock is set back, nor over a restart', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { token } = await server.identity.createJoinToken(operator, 'default', 60)
  const left = await server.identity.createJoinToken(operator, 'default', 3600)
  const isExpired = (of: Server) =>
    assert.rejects(clientOf(t, of).enrol(requestOf(token, generateSigner())), saysCode('TOKEN_EXPIRED'))
  clock.setBack(3_600_000)
  clock.advance(61_000)
  await isExpired(server)
  const over = new AbortController()
  const tending = server.identity.run(over.signal)
  const seen = () => across(server.store.db, 'status').selectFrom('join_tokens').select('ended_at').execute()
  while ((await seen()).every(({ ended_at }) => ended_at === null)) {
    clock.advance(60_000)
    await new Promise(setImmediate)
  }
  over.abort()
  await tending
  assert.deepEqual((await seen()).map(({ ended_at }) => ended_at === null).toSorted(), [false, true])
  await server.stop()
  clock.setBack(24 * 3_600_000)
  const again = await startServer(t, { clock, dir: server.dir })
  await isExpired(again)
  const client = clientOf(t, again)
  assert.match((await client.enrol(requestOf(left.token, generateSigner()))).hostId, /^[0-9a-f]{32}$/)
})

test('PKI-2 tokens that wait are bounded; those that were used leave room for the next host', async (t) => {
  const server = await startServer(t)
  const columns = { tenant: 'default', host_id: null, ended_at: null }
  const times = { created_at: '2026-01-01T00:00:00Z', expires_at: '2999-01-01T00:00:00Z' }
  const put = (count: number, used_at: string | null) =>
    server.store.transaction(async (tx) => {
      for (let i = 0; i < count; i += 1) {
        const row = { ...columns, ...times, used_at, secret_hash: `${used_at} ${i}` }
        await tx.insertInto('join_tokens').values(row).execute()
      }
    })
  await put(1_000, times.created_at)
  await server.identity.createJoinToken(operator, 'default', 60)
  await put(999, null)
  await assert.rejects(server.identity.createJoinToken(operator, 'default', 60), { code: 'TOKENS_TOO_MANY' })
})

test('a token lives from a second to a week', async (t) => {
  const server = await startServer(t)
  for (const seconds of [-1, 0, 0.5, 7 * 24 * 3600 + 1, Number.NaN])
    await assert.rejects(server.identity.createJoinToken(operator, 'default', seconds), { code: 'TOKEN_TTL_INVALID' })
})

test('a server that is not the pinned one gets nothing to hear', async (t) => {
  const [real, impostor] = [await startServer(t), await startServer(t)]
  const agent = await prepareAgent(t, impostor)
  await writeFile(agent.tokenFile, await newToken(real))
  const waiting = openIdentity(agent.options)
  const told = await agent.log.until(codeOf('SERVER_NOT_PINNED'))
  assert.equal(told.level, 'critical')
  agent.abort()
  assert.equal(await waiting, undefined)
  const { denied, refused } = impostor.transport.counters
  assert.deepEqual([denied, refused], [0, 0])
  assert.deepEqual(
    impostor.log.lines.filter(({ level }) => level !== 'debug'),
    [],
  )
})

test('a host certificate does not make a server', async (t) => {
  const server = await startServer(t)
  const { current } = await enrolled(server, await prepareAgent(t, server))
  const { createSecureServer } = await import('node:http2')
  const impostor = createSecureServer({ cert: current.certificatePem + current.authorityPem, key: current.keyPem })
  await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => impostor.close())
  const { port } = impostor.address() as { port: number }
  const connection = connectAgent(`https://127.0.0.1:${port}`, current.authorityPem)
  atEnd(t, connection.close)
  await assert.rejects(connection.client.enrol({}), /unsuitable certificate purpose/i)
})

test('ING-1 a host does not enrol under the key of a service of its tenant, and its token stays good for another key', async (t) => {
  const server = await startServer(t)
  const client = clientOf(t, server)
  const [taken, free] = [generateSigner(), generateSigner()]
  const times = { valid_from: 't', valid_until: null, revoked_at: null }
  const owner = { tenant: 'default', key_id: 'billing-1', producer: 'billing', producer_kind: 'service' } as const
  const of = { algorithm: 'ed25519', state: 'candidate', source: 'api' } as const
  const key = { ...owner, ...of, ...times, public_key: taken.publicKey.toHex() }
  await across(server.store.db, 'status').insertInto('signing_keys').values(key).execute()
  const token = await newToken(server)
  await assert.rejects(client.enrol(requestOf(token, taken)), saysCode('SIGNING_KEY_IN_USE'))
  assert.equal((await client.enrol(requestOf(token, free))).hostId.length, 32)
})

test('what an applicant claims is checked, part by part', async (t) => {
  const server = await startServer(t)
  const client = clientOf(t, server)
  const token = await newToken(server)
  const signer = generateSigner()
  const good = requestOf(token, signer)
  const spoiled = Uint8Array.from(good.csr)
  spoiled[spoiled.length - 3] = (spoiled[spoiled.length - 3] as number) ^ 1
  const cases = {
    TOKEN_UNKNOWN: [
      { ...good, joinToken: '' },
      { ...good, joinToken: `swj_${'A'.repeat(43)}.${'0'.repeat(32)}` },
    ],
    CSR_INVALID: [
      { ...good, csr: new Uint8Array() },
      { ...good, csr: Buffer.from('garbage') },
      { ...good, csr: Buffer.alloc(5000) },
      requestOf(token, signer, spoiled),
    ],
    SIGNING_KEY_UNPROVEN: [
      { ...good, signingKeyProof: new Uint8Array(64) },
      { ...good, signingPublicKey: generateSigner().publicKey },
      { ...good, csr: certificateRequest(newTlsKey()) },
    ],
    KEY_WEAK: [
      { ...good, signingPublicKey: new Uint8Array(32) },
      { ...good, signingPublicKey: new Uint8Array(31) },
    ],
    HOST_FACTS_INVALID: [
      { ...good, facts: { ...facts, hostname: '' } },
      { ...good, facts: { ...facts, os: 'a\u001b[2J' } },
      { ...good, facts: { ...facts, kernel: 'x'.repeat(254) } },
    ],
  }
  for (const [code, requests] of Object.entries(cases))
    for (const request of requests) await assert.rejects(client.enrol(request), saysCode(code), code)
  // None of them used the token up.
  assert((await client.enrol(good)).hostId)
})

test('a revoked host does not come back with its signing key', async (t) => {
  const server = await startServer(t)
  const client = clientOf(t, server)
  const signer = generateSigner()
  const { hostId } = await client.enrol(requestOf(await newToken(server), signer))
  await server.identity.hosts.revoke(operator, 'default', hostId, 'stolen')
  const again = requestOf(await newToken(server), signer)
  await assert.rejects(client.enrol(again), (error) => saysCode('HOST_REVOKED')(error))
  const key = await server.store.db
    .selectFrom('signing_key_revocations')
    .selectAll()
    .where('tenant', '=', 'default')
    .executeTakeFirstOrThrow()
  assert.deepEqual([key.key_id, key.cause], [signer.keyId, 'stolen'])
  assert(eventsOf(server).some(({ code }) => code === 'host_revoked'))
  const changes = server.said.flatMap(({ tenant, body }) => ('registry' in body ? [{ tenant, ...body.registry }] : []))
  assert.deepEqual(
    changes.map(({ tenant, change, producer, key_id, cause, revoked_at }) => [
      tenant,
      change,
      producer,
      key_id,
      cause,
      revoked_at,
    ]),
    ['default', 'cluster'].map((tenant) => [tenant, 'revoked', hostId, signer.keyId, 'stolen', key.revoked_at]),
  )
})

test('the CA outlives its server; a damaged file is named', async (t) => {
  const dir = await temporaryDirectory(t)
  const first = await startServer(t, { dir })
  const { fingerprint } = first.identity.authority
  await first.stop()
  const second = await startServer(t, { dir })
  assert.equal(second.identity.authority.fingerprint, fingerprint)
  await second.stop()
  await systemDisk.replace(`${dir}/ca.pem`, 'nonsense')
  await assert.rejects(startServer(t, { dir }), { code: 'CA_UNREADABLE' })
})

test('a used port is named', async (t) => {
  const { port } = await startServer(t)
  await assert.rejects(startServer(t, { port }), { code: 'PORT_TAKEN' })
})

test('an identity is bought only once there is a server', async (t) => {
  const server = await startServer(t)
  const agent: Agent = await prepareAgent(t, server)
  await giveToken(server, agent)
  await server.stop()
  const waiting = openIdentity(agent.options)
  await agent.log.until(({ level }) => level === 'warn')
  const back = await startServer(t, { dir: server.dir, port: server.port })
  assert.equal((await waiting)?.current.authorityPem, back.identity.authority.certificate.toString())
})

test('an error carries the code that its kind stands for', async (t) => {
  const server = await startServer(t)
  await assert.rejects(
    clientOf(t, server).register({}),
    (error) => ConnectError.from(error).code === Code.Unauthenticated,
  )
})

test('PKI-2 brute force: an address that comes with join tokens that let nobody in is told when to come again; good ones get in from there meanwhile', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const client = clientOf(t, server)
  const [first, used] = [generateSigner(), await newToken(server)]
  await client.enrol(requestOf(used, first))
  const unknown = () => client.enrol(requestOf(`swj_${'A'.repeat(43)}.${'0'.repeat(32)}`, generateSigner()))
  const formless = () => client.enrol(requestOf('swj_', generateSigner()))
  const taken = () => client.enrol(requestOf(used, generateSigner()))
  // At once: what is under way counts, too.
  const settled = await Promise.allSettled(Array.from({ length: 22 }, (_, i) => (i < 11 ? unknown() : taken())))
  const codes = settled.map((one) => (one.status === 'rejected' ? codeIn(one.reason) : 'let in'))
  assert.equal(codes.filter((code) => code === 'TOKEN_GUESSES').length, 2)
  for (const wrong of [unknown, formless, taken])
    await assert.rejects(wrong(), (error) => {
      const { code, metadata } = ConnectError.from(error)
      assert.deepEqual([code, metadata.get('retry-after')], [Code.ResourceExhausted, '5'])
      return saysCode('TOKEN_GUESSES')(error)
    })
  const causes = server.guessed.toSorted()
  const isRecorded = causes.length === 20 && causes.every((cause) => /^JOIN_TOKEN_(UNKNOWN|USED)$/.test(cause))
  assert.ok(isRecorded, `each is on record: ${causes}`)
  const right = requestOf(await newToken(server), generateSigner())
  assert.equal((await client.enrol(right)).certificates.length, 2)
  assert.equal((await client.enrol(right)).certificates.length, 2, 'whose answer was lost')
  assert.equal((await client.enrol(requestOf(used, first))).certificates.length, 2)
  await assert.rejects(unknown(), saysCode('TOKEN_GUESSES'))
  clock.advance(5_000)
  await assert.rejects(unknown(), saysCode('TOKEN_UNKNOWN'))
  await assert.rejects(taken(), saysCode('TOKEN_GUESSES'))
})

test('LOG-6 a host that is revoked on a full disk is out at once, neither admitted nor enrolled again, and is written down later', async (t) => {
  const server = await startServer(t)
  const { hosts } = server.identity
  const client = clientOf(t, server)
  const signer = generateSigner()
  const { hostId } = await client.enrol(requestOf(await newToken(server), signer))
  const token = await newToken(server)
  const { taking } = server.store
  const full: typeof taking = (work) =>
    taking(async (tx) => {
      await work(tx)
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
    })
  Object.assign(server.store, { taking: full })
  let isClosed = false
  hosts.attach(hostId, () => {
    isClosed = true
  })
  await assert.rejects(hosts.revoke(operator, 'acme', hostId, 'stolen'), { code: 'HOST_UNKNOWN' })
  assert.equal((await hosts.admit(hostId)).hostId, hostId, "of another tenant's nothing is taken")
  await assert.rejects(hosts.revoke(operator, 'default', hostId, 'stolen'), { code: 'NOT_DURABLE' })
  assert.ok(isClosed)
  await assert.rejects(hosts.admit(hostId), { code: 'HOST_REVOKED' })
  await assert.rejects(client.enrol(requestOf(token, signer)), saysCode('HOST_REVOKED'))
  const stored = async () => {
    const row = across(server.store.db, 'status').selectFrom('hosts').select('revoked_at').executeTakeFirstOrThrow()
    return (await row).revoked_at
  }
  await hosts.tend()
  assert.equal(await stored(), null)
  const since = hosts.deniedSince(hostId)
  Object.assign(server.store, { taking })
  await hosts.tend()
  assert.deepEqual([await stored(), hosts.deniedSince(hostId)], [since, undefined])
  await assert.rejects(hosts.admit(hostId), { code: 'HOST_REVOKED' })
  assert.equal(inCluster(server).filter(({ code }) => code === 'host_revoked').length, 1)
})

// SPDX-License-Identifier: Apache-2.0
// Services that come by a certificate of their own: how they get it, what it is good for, and when it ends.

import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Code, ConnectError } from '@connectrpc/connect'
import { createLog, systemClock, systemDisk } from '@sealwatch/base'
import { certificateRequest, generateSigner, newTlsKey } from '@sealwatch/keys'
import { fileCertificate, grpcSender, keySigner, type Sender, signRows } from '@sealwatch/producer'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { openIdentity } from '../../apps/agent/src/ship/index.ts'
import { shiftingClock } from '../transport/shifting-clock.ts'
import { startServer, type TestServer } from './server.ts'

const hourMs = 3_600_000
const forever = new AbortController().signal
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const signer = keySigner('billing-1', privateKey)
const dir = mkdtempSync(join(tmpdir(), 'sealwatch-test-certificates-'))
/** Not by more than two thirds of the server's own week: its next certificate would be of a time to come. */
const clock = shiftingClock()

let server: TestServer
let url: string

before(async () => {
  server = await startServer({}, undefined, { clock })
  url = `https://127.0.0.1:${server.agentPort}`
  const root = server.root('default')
  await root.call('addProducer', { body: { producer: 'billing' } })
  const public_key = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const body = { key_id: 'billing-1', algorithm: 'ed25519', public_key }
  await root.call('addSigningKey', { params: { producer: 'billing' }, body })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

let files = 0
async function certified(tenant = 'default') {
  files += 1
  const [keyFile, certificateFile] = [join(dir, `${files}.key`), join(dir, `${files}.crt`)]
  const key = newTlsKey()
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }) as string
  writeFileSync(keyFile, keyPem)
  const der = Buffer.from(certificateRequest(key)).toString('base64')
  const request = `-----BEGIN CERTIFICATE REQUEST-----\n${der}\n-----END CERTIFICATE REQUEST-----\n`
  const answer = await server
    .root(tenant)
    .call('certifyProducer', { params: { producer: 'billing' }, body: { request } })
  writeFileSync(certificateFile, answer.chain)
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  const certificate = await fileCertificate({ keyFile, certificateFile, clock, onError })
  const { certificate_id } = answer.certificate
  return {
    keyPem,
    chain: answer.chain,
    certificate_id,
    certificateFile,
    certificate,
    send: grpcSender({ url, certificate }),
    errors,
  }
}

const revoke = (certificate_id: string) =>
  server
    .root('default')
    .call('revokeCertificate', { params: { producer: 'billing', certificate_id }, body: { cause: 'a test' } })

const kindOf = async (send: Sender, text: string) => (await send([await signRows(signer, [text])], forever))[0]?.kind

/** The index follows the ledger. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemClock.sleep(20)
}

/** Lines of the ledger about a certificate. */
async function toldOf(id: string): Promise<number> {
  const root = server.root('default')
  const { items } = await root.call('listEvents', { query: { limit: 200 } })
  return items.filter((item) => JSON.stringify(item).includes(id)).length
}

test('POL-3 a service brings its rows by its certificate alone, and the ledger knows of it', async () => {
  const { send, certificate_id, chain } = await certified()
  assert.equal(await kindOf(send, 'by a certificate'), 'admitted')
  const [leaf] = chain.match(/-----BEGIN[^-]+-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const certificate = new X509Certificate(leaf as string)
  assert.equal(certificate.subjectAltName, `URI:sealwatch:service:default:billing:${certificate_id}`)
  assert.ok(certificate.validToDate.getTime() - clock.nowMs() <= 24 * hourMs)
  await eventually(async () => (await toldOf(certificate_id)) === 1)
})

test('a revocation counts at once, also on the connection that is open', async () => {
  const { send, certificate_id, keyPem, chain } = await certified()
  const other = await certified()
  assert.equal(await kindOf(send, 'before'), 'admitted')
  const [certificate = '', ca = ''] = chain.match(/-----BEGIN[^-]+-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const session = connectHttp2(url, { ca, cert: certificate, key: keyPem })
  session.on('error', () => undefined)
  const closed = once(session, 'close')
  const call = session.request({
    ':method': 'POST',
    ':path': '/sealwatch.ingest.v1.IngestService/Submit',
    'content-type': 'application/grpc',
  })
  call.on('error', () => undefined)
  // It is let in, and has sent nothing yet.
  call.write(Buffer.of(0, 0, 0, 0, 9))
  assert.equal(await kindOf(send, 'still'), 'admitted')
  await revoke(certificate_id)
  await closed
  await assert.rejects(kindOf(send, 'after'), /CERTIFICATE_REVOKED/)
  assert.equal(await kindOf(other.send, 'another certificate of the same service'), 'admitted')
  const [row] = (
    await server.root('default').call('listCertificates', { params: { producer: 'billing' } })
  ).items.filter((item) => item.certificate_id === certificate_id)
  assert.ok(row?.revoked_at)
  await eventually(async () => (await toldOf(certificate_id)) === 2)
})

test('the client renews it by itself before its end, and behind it; what was revoked is not renewed', async () => {
  const one = await certified()
  const before = readFileSync(one.certificateFile, 'utf8')
  assert.equal(await kindOf(one.send, 'new'), 'admitted')
  assert.equal(readFileSync(one.certificateFile, 'utf8'), before)
  clock.advance(17 * hourMs)
  assert.equal(await kindOf(one.send, 'at two thirds'), 'admitted')
  const renewed = readFileSync(one.certificateFile, 'utf8')
  assert.notEqual(renewed, before)
  assert.equal(new X509Certificate(renewed).subjectAltName, new X509Certificate(before).subjectAltName)
  assert.ok(one.certificate.expiresAtMs > clock.nowMs() + 23 * hourMs)
  await eventually(async () => (await toldOf(one.certificate_id)) === 2)
  const asleep = await certified()
  clock.advance(48 * hourMs)
  assert.equal(await kindOf(asleep.send, 'slept for two days'), 'admitted')
  const gone = await certified()
  clock.advance(17 * hourMs)
  await revoke(gone.certificate_id)
  await assert.rejects(kindOf(gone.send, 'revoked'), /CERTIFICATE_REVOKED/)
  assert.match(String(gone.errors[0]), /CERTIFICATE_REVOKED/)
})

test('POL-1 a certificate that is over brings nothing, whoever holds on to it', async () => {
  const { keyPem, chain } = await certified()
  clock.advance(25 * hourMs)
  const [certificate = '', ca = ''] = chain.match(/-----BEGIN[^-]+-----[^-]+-----END CERTIFICATE-----/g) ?? []
  await assert.rejects(callAs({ keyPem, certificate, ca }), /CERTIFICATE_EXPIRED/)
})

/** An empty submission, by hand. */
async function callAs({
  keyPem,
  certificate,
  ca,
}: {
  keyPem?: string
  certificate?: string
  ca: string
}): Promise<void> {
  const session = connectHttp2(url, { ca, ...(certificate && { cert: certificate }), ...(keyPem && { key: keyPem }) })
  try {
    const call = session.request({
      ':method': 'POST',
      ':path': '/sealwatch.ingest.v1.IngestService/Submit',
      'content-type': 'application/grpc',
    })
    call.end(Buffer.of(0, 0, 0, 0, 0)).resume()
    const seen: Record<string, unknown> = {}
    call.on('response', (fields) => void Object.assign(seen, fields))
    call.on('trailers', (fields) => void Object.assign(seen, fields))
    await once(call, 'close')
    throw new Error(decodeURIComponent(String(seen['grpc-message'])))
  } finally {
    session.destroy()
  }
}

test("POL-1 a host's certificate brings no rows, a service's does not speak for a host, and none at all does neither", async () => {
  const { token } = await server.root('default').call('inviteHost', { body: {} })
  const tokenFile = join(dir, 'join-token')
  writeFileSync(tokenFile, `${token}\n`)
  const log = createLog('agent', () => undefined, clock.nowMs)
  const facts = { hostname: 'web-1', machineId: 'm', bootId: 'b', kernel: '6.1', os: 'Debian 12' }
  const keeper = await openIdentity({
    ...{ url, facts, tokenFile, clock, disk: systemDisk, random: () => 0, log, signal: forever },
    signer: generateSigner(),
    identityFile: join(dir, 'identity.pem'),
  })
  assert.ok(keeper)
  const { keyPem, certificatePem, authorityPem } = keeper.current
  await assert.rejects(callAs({ keyPem, certificate: certificatePem, ca: authorityPem }), /CERTIFICATE_FOREIGN/)
  await assert.rejects(callAs({ ca: authorityPem }), /CERTIFICATE_MISSING/)

  const { keyPem: key, chain } = await certified()
  const [leaf = ''] = chain.match(/-----BEGIN[^-]+-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const agent = connectAgent(url, authorityPem, { ...keeper.current, keyPem: key, certificatePem: leaf })
  const isForeign = (error: unknown) =>
    error instanceof ConnectError && error.code === Code.Unauthenticated && /CERTIFICATE_FOREIGN/.test(error.message)
  await assert.rejects(agent.client.register({}), isForeign)
  await assert.rejects(agent.client.renew({ csr: certificateRequest(newTlsKey()) }), isForeign)
  agent.close()
})

test('POL-1 a certificate is of one tenant and one service, whatever others of that name there are', async () => {
  await server.root('cluster').call('createTenant', { body: { name: 'acme' } })
  const acme = server.root('acme')
  await acme.call('addProducer', { body: { producer: 'billing' } })
  const theirs = await certified('acme')
  // The key is registered in the tenant default alone.
  const [outcome] = await theirs.send([await signRows(signer, ['elsewhere'])], forever)
  assert.ok(outcome?.kind === 'quarantined' && outcome.reason === 'unknown_key')
  const [item] = (await acme.call('listQuarantine', { query: { limit: 10 } })).items
  const { peer } = await acme.call('readQuarantined', { params: { leaf_index: item?.leaf_index as number } })
  assert.match(String(peer?.address), /127\.0\.0\.1 port \d+$/)
  const serial = new X509Certificate(theirs.chain).serialNumber.toLowerCase()
  assert.deepEqual([peer?.certificate, peer?.token, item?.peer], [serial, null, peer?.address])
  assert.equal((await server.root('default').call('listQuarantine', { query: { limit: 10 } })).items.length, 0)
  await assert.rejects(
    server.root('default').call('revokeCertificate', {
      params: { producer: 'billing', certificate_id: theirs.certificate_id },
      body: { cause: 'not ours' },
    }),
    /the certificate is one of this service/,
  )
  await server.root('cluster').call('suspendTenant', { params: { tenant_name: 'acme' } })
  await assert.rejects(kindOf(theirs.send, 'suspended'), /ACCESS_DENIED/)
  await server.root('cluster').call('resumeTenant', { params: { tenant_name: 'acme' } })
  await server.root('acme').call('haltProducer', { params: { producer: 'billing' }, body: { cause: 'a test' } })
  const [refused] = await theirs.send([await signRows(signer, ['halted'])], forever)
  assert.ok(refused?.kind === 'refused' && refused.code === 'PRODUCER_HALTED')
})

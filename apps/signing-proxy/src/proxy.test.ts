// SPDX-License-Identifier: Apache-2.0
// The program itself, over TLS, with the client that the server has.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { systemClock, systemDisk } from '@sealwatch/base'
import { chooseSigner, loadOrCreateSigner, prepareSigner, readSignerSettings, verifyAudit } from '@sealwatch/keys'
import { preAuthEncoding } from '@sealwatch/keys/dsse'
import { verifyChainDirectory } from '@sealwatch/ledger'
import { makeCa, makeCertificate } from '../test/certificates.ts'
import { hashApiKey } from './callers.ts'

const { signal } = new AbortController()
const type = 'application/vnd.sealwatch.delegation+json'
const message = preAuthEncoding(type, Buffer.from('{"a":1}'))
const apiKey = `swp_${'a'.repeat(43)}`
const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-proxy-'))
after(() => dir.remove())
const path = (name: string) => join(dir.path, name)

makeCa(dir.path, 'ca')
makeCa(dir.path, 'other-ca')
makeCertificate(dir.path, 'proxy', 'ca', 'IP:127.0.0.1')
makeCertificate(dir.path, 'caller', 'ca', 'DNS:server-2.test')
makeCertificate(dir.path, 'false-caller', 'other-ca', 'DNS:server-2.test')
const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
writeFileSync(path('audit.pem'), pem, { mode: 0o600 })
const callers = [
  { name: 'server-1', api_key_sha256: hashApiKey(apiKey).toHex(), purposes: [type] },
  { name: 'server-2', certificate_dns: 'server-2.test', purposes: [type] },
]
writeFileSync(path('callers.json'), JSON.stringify({ callers }))
mkdirSync(path('data'))
// Started by root it becomes this user.
if (process.getuid?.() === 0) chownSync(path('data'), 64_705, 64_705)
chmodSync(dir.path, 0o755)

async function start(env: Record<string, string>) {
  const main = join(import.meta.dirname, 'main.ts')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      SEALWATCH_PROXY_DATA_DIR: path('data'),
      SEALWATCH_PROXY_PORT: '0',
      ...env,
    },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = once(child, 'exit')
  while (!output.includes('"msg":"serving"') && child.exitCode === null) {
    const closed = once(child.stdout, 'end')
    await Promise.race([once(child.stdout, 'data'), closed, ended])
  }
  const url = /"url":"([^"]+)"/.exec(output)?.[1] ?? ''
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
    return { code: child.exitCode, output }
  }
  return { url, stop }
}

const production = {
  NODE_ENV: 'production',
  AUDIT_SIGNING_ALG: 'ed25519',
  AUDIT_SIGNING_PRIVATE_KEY: `file:${path('audit.pem')}`,
  SEALWATCH_PROXY_TLS_CERT_FILE: path('proxy.pem'),
  SEALWATCH_PROXY_TLS_KEY_FILE: path('proxy.key'),
  SEALWATCH_PROXY_CLIENT_CA_FILE: path('ca.pem'),
  SEALWATCH_PROXY_CALLERS_FILE: path('callers.json'),
}

async function client(url: string, credentials: Record<string, string>) {
  const settings = { NODE_ENV: 'production', AUDIT_SIGNING_ALG: 'ed25519', SIGNING_PROXY_URL: url, ...credentials }
  const plan = chooseSigner(readSignerSettings({ ...settings, SIGNING_PROXY_CA_FILE: path('ca.pem') }))
  assert.ok(plan.active)
  return (await prepareSigner(plan.active, { ...plan, clock: systemClock }))(signal)
}
const certificate = (name: string) => ({
  SIGNING_PROXY_CLIENT_CERT_FILE: path(`${name}.pem`),
  SIGNING_PROXY_CLIENT_KEY_FILE: path(`${name}.key`),
})

test('SIG-2 the server signs through the proxy, by API key and by mTLS, and every signature is in the chain', async () => {
  const proxy = await start(production)
  const byKey = await client(proxy.url, { SIGNING_PROXY_API_KEY: apiKey })
  const byName = await client(proxy.url, certificate('caller'))
  assert.equal(byKey.keyId, byName.keyId)
  for (const signer of [byKey, byName]) {
    const signature = await signer.sign(message, signal)
    assert.ok(verifyAudit('ed25519', signer.publicKey as Uint8Array, message, signature))
    await signer.probe(signal)
    const other = preAuthEncoding('application/other', Buffer.from('{}'))
    await assert.rejects(signer.sign(other, signal), { code: 'SIGNER_REFUSED', received: /403 PROXY_PURPOSE/ })
  }
  const refused = { code: 'SIGNER_REFUSED', received: /401 PROXY_UNAUTHENTICATED/ }
  await assert.rejects(client(proxy.url, { SIGNING_PROXY_API_KEY: `${apiKey}x` }), refused)
  await assert.rejects(client(proxy.url, certificate('false-caller')), refused)
  assert.equal(await post(`${proxy.url}/sign/canonical`, 'x'.repeat(20_000)), 413)
  await byKey.close()
  await byName.close()
  const { code, output } = await proxy.stop()
  assert.equal(code, 0)
  assert.ok(!output.includes(apiKey) && !output.includes(pem))
  const records = await verifiedRecords()
  assert.deepEqual(
    records.map(({ outcome, caller, purpose }) => [outcome, caller, purpose]),
    [
      ['signature_made', 'server-1', type],
      ['signature_refused', 'server-1', 'application/other'],
      ['signature_made', 'server-2', type],
      ['signature_refused', 'server-2', 'application/other'],
    ],
  )
})

test('a TLS session that is resumed counts no more than the one it came from', async () => {
  const proxy = await start(production)
  const ask = async (agent: Agent) => {
    const { promise, resolve, reject } = Promise.withResolvers<[number | undefined, boolean]>()
    const sent = request(`${proxy.url}/key`, { agent }, (response) => {
      const isReused = (response.socket as TLSSocket).isSessionReused()
      response.resume().on('end', () => resolve([response.statusCode, isReused]))
    })
    sent.on('error', reject).end()
    return promise
  }
  const ca = readFileSync(path('ca.pem'))
  const own = (name: string) => ({ cert: readFileSync(path(`${name}.pem`)), key: readFileSync(path(`${name}.key`)) })
  for (const [credentials, status] of [
    [own('caller'), 200],
    [own('false-caller'), 401],
    [{}, 401],
  ] as const) {
    const agent = new Agent({ ca, ...credentials })
    assert.deepEqual(await ask(agent), [status, false])
    assert.deepEqual(await ask(agent), [status, true])
  }
  await proxy.stop()
})

test('a proxy that is away is unavailable, and the client goes on when it is back', async () => {
  const proxy = await start(production)
  const signer = await client(proxy.url, { SIGNING_PROXY_API_KEY: apiKey })
  await proxy.stop()
  await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_UNAVAILABLE' })
  const again = await start({ ...production, SEALWATCH_PROXY_PORT: new URL(proxy.url).port })
  assert.ok(await signer.verify(message, await signer.sign(message, signal), signal))
  await signer.close()
  await again.stop()
})

test('SIG-3 in production the proxy refuses the mock, no TLS, and to be without a signer', async () => {
  const { AUDIT_SIGNING_PRIVATE_KEY: _, ...unsigned } = production
  const cases: [Record<string, string>, RegExp][] = [
    [unsigned, /SIGNER_REQUIRED/],
    [{ ...unsigned, MOCK_AUDIT_SIGNING_KEY: 'x' }, /SIGNER_FORBIDDEN/],
    [{ ...production, SEALWATCH_PROXY_TLS_CERT_FILE: '', SEALWATCH_PROXY_TLS_KEY_FILE: '' }, /PROXY_SETTINGS/],
    [{ ...production, SEALWATCH_PROXY_CALLERS_FILE: '' }, /PROXY_CALLERS/],
    [{ ...production, SEALWATCH_PROXY_CLIENT_CA_FILE: '' }, /the certificate of server-2/],
    [{ MOCK_AUDIT_SIGNING_KEY: 'x', SEALWATCH_PROXY_HOST: '0.0.0.0' }, /PROXY_SETTINGS/],
  ]
  for (const [env, message_] of cases) {
    const { code, output } = await (await start(env)).stop()
    assert.equal(code, 1)
    assert.match(output, message_)
  }
})

test('SIG-3 the mode of CI: a mock proxy, which a server in production does not take', async () => {
  const mock = { MOCK_AUDIT_SIGNING_KEY: 'mock-audit-signing-key', SEALWATCH_PROXY_DATA_DIR: path('mock') }
  mkdirSync(path('mock'))
  if (process.getuid?.() === 0) chownSync(path('mock'), 64_705, 64_705)
  const proxy = await start(mock)
  const settings = {
    SIGNING_PROXY_URL: proxy.url,
    SIGNING_PROXY_API_KEY: 'mock',
    AUDIT_SIGNING_KEY: 'test-ci-signing-key',
  }
  const plan = chooseSigner(readSignerSettings({ ...settings, REQUIRE_KMS: 'false' }))
  assert.ok(plan.active)
  const signer = await (await prepareSigner(plan.active, { required: false, clock: systemClock }))(signal)
  assert.ok(await signer.verify(message, await signer.sign(message, signal), signal))
  assert.equal(await signer.verify(message, new Uint8Array(32), signal), false)
  await signer.close()
  const strict = await prepareSigner(plan.active, { required: true, clock: systemClock })
  await assert.rejects(strict(signal), { code: 'SIGNER_FORBIDDEN', received: /mock/ })
  await proxy.stop()
})

/** The audit chain, verified as `sealwatch audit verify` does. */
async function verifiedRecords() {
  const chain = path('data/chains/signing-proxy')
  const { publicKey } = await loadOrCreateSigner(path('data/host.key'), systemDisk)
  const report = await verifyChainDirectory(chain, { hostKey: publicKey, tenant: 'signing-proxy' })
  assert.deepEqual([report.ok, report.end], [true, 'matches'], String(report.problem?.message))
  return readdirSync(chain)
    .filter((name) => name.endsWith('.ndjson'))
    .flatMap((name) => readFileSync(join(chain, name), 'utf8').split('\n').slice(0, -1))
    .map((line) => (JSON.parse(line) as { event?: SignatureEvent }).event)
    .filter((event) => event !== undefined)
    .map(recordOf)
    .filter(({ purpose }) => purpose !== 'probe')
}

type SignatureEvent = Readonly<Record<string, Readonly<Record<string, string>>>>
const recordOf = (event: SignatureEvent) => ({
  outcome: event.metadata?.event_code,
  caller: event.actor?.app_name,
  purpose: event.unmapped?.purpose,
})

async function post(url: string, body: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const headers = { authorization: `Bearer ${apiKey}` }
  const sent = request(url, { method: 'POST', headers, ca: readFileSync(path('ca.pem')) }, (response) => {
    response.resume()
    resolve(response.statusCode)
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

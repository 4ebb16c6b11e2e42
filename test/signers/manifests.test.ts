// SPDX-License-Identifier: Apache-2.0
// The whole way of a critical change (SIG-5): five people, each with a key of another kind, the command line, the server's
// own program.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { generateKeyPairSync, hash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { strictOffPhrase } from '@sealwatch/contract'
import { run } from '../../apps/cli/src/cli.ts'
import { placeOf } from '../../apps/cli/src/place.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { credentials, type KmsEndpoint, openKmsEndpoint, region } from '../../packages/keys/test/kms-endpoint.ts'
import { makeToken, noSofthsm, softhsmModule } from '../../packages/keys/test/softhsm.ts'
import { type ServerProcess, startServer } from './server-process.ts'

const main = join(import.meta.dirname, '../../apps/cli/src/main.ts')
const asChild = promisify(execFile)
const skip = (process.getuid?.() === 0 ? noSofthsm() : 'needs root: the control socket') ?? false

let dir: string
let place: ReturnType<typeof placeOf>
let kms: KmsEndpoint
let proxy: { readonly url: string; stop(): Promise<void> }
let server: ServerProcess
/** What each signer's own environment says. */
const signers: Record<string, Record<string, string>> = {}
const at = (name: string) => join(dir, name)
const plain = { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }

before(async () => {
  if (skip !== false) return
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-manifests-'))
  chmodSync(dir, 0o755)
  place = placeOf(dir)
  mkdirSync(join(place.run, 'server'), { recursive: true })
  for (const folder of ['kms', 'hsm', 'proxy']) mkdirSync(at(folder))
  kms = await openKmsEndpoint(at('kms'))
  proxy = await startProxy()
  writeKey('ada.key', 'ed25519')
  writeKey('eve.key', 'rsa')
  const aws = {
    AWS_ENDPOINT_URL_KMS: kms.endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  }
  const { pinFile } = makeToken(at('hsm'), 'manifests')
  Object.assign(signers, {
    Ada: { AUDIT_SIGNING_ALG: 'ed25519', AUDIT_SIGNING_PRIVATE_KEY: `file:${at('ada.key')}` },
    Bo: { AUDIT_SIGNING_ALG: 'rsa-sha256', AUDIT_SIGNING_KMS_KEY_ID: kms.addKey('rsa-sha256'), ...aws },
    Cem: {
      AUDIT_SIGNING_ALG: 'ed25519',
      SIGNING_PROXY_URL: proxy.url,
      SIGNING_PROXY_API_KEY: `file:${at('proxy/caller.key')}`,
    },
    Dia: {
      AUDIT_SIGNING_ALG: 'ed25519',
      AUDIT_SIGNING_PKCS11_MODULE: softhsmModule,
      AUDIT_SIGNING_PKCS11_TOKEN: 'manifests',
      AUDIT_SIGNING_PKCS11_KEY: 'ed25519',
      AUDIT_SIGNING_PKCS11_PIN_FILE: pinFile,
      SOFTHSM2_CONF: at('hsm/softhsm2.conf'),
    },
    Eve: { AUDIT_SIGNING_ALG: 'rsa-sha256', AUDIT_SIGNING_PRIVATE_KEY: `file:${at('eve.key')}` },
  })
  server = await serve()
})

after(async () => {
  if (skip !== false) return
  await server.stop()
  await proxy.stop()
  await kms.close()
  for (const path of [dir, place.run]) rmSync(path, { recursive: true, force: true })
})

async function serve(): Promise<ServerProcess> {
  const started = startServer(dir, {
    SEALWATCH_SERVER_RUN_DIR: join(place.run, 'server'),
    SEALWATCH_SERVER_API_PORT: '0',
  })
  await started.serving
  return started
}

function writeKey(name: string, type: 'ed25519' | 'rsa'): void {
  const { privateKey } =
    type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519')
  writeFileSync(at(name), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
}

/** The proxy's own program, for one caller who may have roots and manifests signed. */
async function startProxy() {
  writeKey('proxy/signer.key', 'ed25519')
  const key = `swp_${'k'.repeat(43)}`
  writeFileSync(at('proxy/caller.key'), key, { mode: 0o600 })
  const purposes = ['application/vnd.sealwatch.trust-root.v1+json', 'application/vnd.sealwatch.manifest.v1+json']
  const callers = [{ name: 'cem', api_key_sha256: hash('sha256', key, 'hex'), purposes }]
  writeFileSync(at('proxy/callers.json'), JSON.stringify({ callers }))
  const env = {
    ...plain,
    AUDIT_SIGNING_ALG: 'ed25519',
    AUDIT_SIGNING_PRIVATE_KEY: `file:${at('proxy/signer.key')}`,
    SEALWATCH_PROXY_CALLERS_FILE: at('proxy/callers.json'),
    SEALWATCH_PROXY_PORT: '0',
  }
  const args = ['--disable-warning=ExperimentalWarning', main, 'signing-proxy', '--data', at('proxy/data')]
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  while (!output.includes('"msg":"serving"') && child.exitCode === null)
    await Promise.race([once(child.stdout, 'data'), ended])
  return {
    url: /"url":"([^"]+)"/.exec(output)?.[1] ?? '',
    stop: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** A command that asks no signer. */
async function sealwatch(...args: string[]) {
  const io = testIo()
  const code = await run(['manifest', ...args, '--json', '--data', dir], io)
  const said = JSON.parse(io.said() || '{}') as Record<string, unknown> & {
    error?: { code: string; received?: string }
  }
  return { code, said }
}

async function done(...args: string[]) {
  const { code, said } = await sealwatch(...args)
  assert.equal(code, 0, JSON.stringify(said))
  return said
}

/** Each on a machine of their own: a process with their environment and no other. */
async function as(owner: string, ...args: string[]): Promise<void> {
  const env = { ...plain, ...signers[owner] }
  await asChild(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'manifest', ...args], { env })
}

const signedBy = (file: string, ...owners: string[]) =>
  Promise.all(owners.map((owner) => as(owner, 'sign', at(`${file}.json`), '-o', at(`${file}.${owner}.json`))))
const copies = (file: string, ...owners: string[]) => owners.map((owner) => at(`${file}.${owner}.json`))

test('SIG-5: five signers of five kinds: three of them change the trust root and sign a manifest, two do not', {
  skip,
}, async () => {
  const owners = ['Ada', 'Bo', 'Cem', 'Dia', 'Eve']
  await Promise.all(owners.map((owner) => as(owner, 'key', '-o', at(`${owner}.pem`))))
  const keys = owners.map((owner) => `${owner}=${at(`${owner}.pem`)}`).join(',')

  // The first root.
  const { digest } = await done('root', 'init', '--keys', keys, '-o', at('root-1.json'))
  await signedBy('root-1', 'Ada', 'Bo', 'Dia')
  await done('collect', ...copies('root-1', 'Ada', 'Bo'), '-o', at('root-1.two.json'))
  const two = await sealwatch('root', 'apply', at('root-1.two.json'))
  assert.equal(two.said.error?.code, 'TRUST_ROOT_UNVERIFIED')
  await done('collect', ...copies('root-1', 'Ada', 'Bo', 'Dia'), '-o', at('root-1.signed.json'))
  const wrong = await sealwatch('root', 'apply', at('root-1.signed.json'), '--digest', 'ab'.repeat(32))
  assert.equal(wrong.said.error?.code, 'CLI_MANIFEST_FILE')
  const installed = await done('root', 'apply', at('root-1.signed.json'), '--digest', String(digest))
  assert.equal(installed.version, 1)

  // Its change: two of five, three signatures by two keys, three of five; and kill -9 whenever that may be.
  await done('root', 'init', '--after', at('root-1.signed.json'), '-o', at('root-2.json'))
  await signedBy('root-2', 'Cem', 'Eve', 'Ada')
  await done('collect', ...copies('root-2', 'Cem', 'Eve'), '-o', at('root-2.two.json'))
  assert.equal((await sealwatch('root', 'apply', at('root-2.two.json'))).said.error?.code, 'TRUST_ROOT_UNVERIFIED')
  const twice = JSON.parse(readFileSync(at('root-2.two.json'), 'utf8')) as { signatures: unknown[] }
  writeFileSync(
    at('root-2.twice.json'),
    JSON.stringify({ ...twice, signatures: [...twice.signatures, twice.signatures[0]] }),
  )
  const byTwo = await sealwatch('root', 'apply', at('root-2.twice.json'))
  assert.equal(byTwo.said.error?.code, 'TRUST_ROOT_UNVERIFIED')
  assert.match(byTwo.said.error?.received ?? '', /2 \(Cem, Eve\) of 3 .*signed twice/)
  await done('collect', ...copies('root-2', 'Cem', 'Eve', 'Ada'), '-o', at('root-2.signed.json'))
  const applying = sealwatch('root', 'apply', at('root-2.signed.json'))
  await server.kill()
  await applying
  server = await serve()
  const again = await sealwatch('root', 'apply', at('root-2.signed.json'))
  assert.ok(again.code === 0 || again.said.error?.code === 'TRUST_ROOT_VERSION', JSON.stringify(again.said))
  const { items, deployment } = (await done('root', 'show')) as { items: { version: number }[]; deployment: string }
  assert.deepEqual(
    items.map(({ version }) => version),
    [1, 2],
  )

  // A manifest.
  await done('create', 'strict-off', '--tenant', 'acme', '--hours', '72', '-o', at('off.json'))
  await signedBy('off', 'Bo', 'Cem', 'Dia')
  type Sent = { manifest: { id: string; state: string; proof: unknown }; added: { ledger: { leaf_index: number } }[] }
  const send = async (...owners: string[]) => (await done('collect', ...copies('off', ...owners), '--send')) as Sent
  const { manifest: waiting, added } = await send('Bo', 'Cem')
  assert.deepEqual([waiting.state, added.length], ['collecting', 2])
  assert.ok(added.every(({ ledger }) => Number.isInteger(ledger.leaf_index)))
  assert.deepEqual((await send('Cem', 'Bo')).added, [])
  const roots = `${at('root-1.signed.json')},${at('root-2.signed.json')}`
  const judge = (file: string) =>
    sealwatch('verify', file, '--roots', roots, '--pin', String(digest), '--deployment', deployment)
  await done('collect', ...copies('off', 'Bo', 'Cem'), '-o', at('off.two.json'))
  assert.equal((await judge(at('off.two.json'))).said.error?.code, 'MANIFEST_UNVERIFIED')
  assert.equal((await send('Dia')).manifest.state, 'complete')
  await server.kill()
  server = await serve()
  const shown = (await done('show', waiting.id, '-o', at('off.proof.json'))) as { state: string; proof: unknown }
  assert.equal(shown.state, 'complete')
  const judged = await judge(at('off.proof.json'))
  assert.deepEqual([judged.code, judged.said.proof], [0, shown.proof])

  // The change itself takes it: for that time, once, and whatever happens to the server.
  assert.equal(await run(['tenant', 'create', 'acme', '--data', dir], testIo()), 0)
  const strict = async (...words: string[]) => {
    const io = testIo()
    await run(['strict', ...words, '--tenant', 'acme', '--json', '--data', dir], io)
    return JSON.parse(io.said()) as {
      error?: { code: string }
      off?: { since: string; ends_at: string; manifest: string }
    }
  }
  const offFor = (time: string) => strict('off', '--for', time, '--acknowledge', strictOffPhrase)
  assert.equal((await offFor('73h')).error?.code, 'MANIFEST_REQUIRED')
  const { off } = await offFor('72h')
  assert.deepEqual(
    [Date.parse(off?.ends_at ?? '') - Date.parse(off?.since ?? ''), off?.manifest],
    [72 * 3_600_000, waiting.id],
  )
  assert.equal((await offFor('72h')).error?.code, 'MANIFEST_REPLAYED')
  await server.kill()
  server = await serve()
  assert.deepEqual(
    [(await strict('status')).off?.ends_at, (await done('show', waiting.id)).state],
    [off?.ends_at, 'applied'],
  )
})

test('SIG-5: an upgrade is agreed to once, for its very release file, whenever the server is killed', {
  skip,
}, async () => {
  writeFileSync(at('release.tgz'), 'the next one')
  writeFileSync(at('other.tgz'), 'another one')
  const { id } = await done('create', 'upgrade', '--file', at('release.tgz'), '-o', at('upgrade.json'))
  await signedBy('upgrade', 'Ada', 'Dia', 'Eve')
  const apply = (file: string) => sealwatch('apply', at('upgrade.json'), '--file', at(file))
  await done('collect', ...copies('upgrade', 'Ada', 'Dia'), '--send')
  assert.equal((await apply('release.tgz')).said.error?.code, 'MANIFEST_UNVERIFIED')
  await done('collect', ...copies('upgrade', 'Eve'), '--send')
  assert.equal((await apply('other.tgz')).said.error?.code, 'MANIFEST_ELSEWHERE')
  const applying = apply('release.tgz')
  await server.kill()
  const first = await applying
  server = await serve()
  const outcomes = [first, await apply('release.tgz'), await apply('release.tgz')]
  assert.ok(outcomes.filter(({ code }) => code === 0).length <= 1)
  assert.equal(outcomes[2]?.said.error?.code, 'MANIFEST_REPLAYED')
  const { state, applied_by } = await done('show', String(id))
  assert.deepEqual([state, applied_by], ['applied', 'operator:root'])
})

test('SIG-5: HMAC, the mock and no signer at all sign nothing that counts', { skip }, async () => {
  const environments = [
    { AUDIT_SIGNING_KEY: 'test-ci-signing-key' },
    { MOCK_AUDIT_SIGNING_KEY: 'mock', AUDIT_SIGNING_ALG: 'ed25519' },
    {},
  ]
  for (const env of environments) {
    const io = testIo({ env })
    assert.equal(await run(['manifest', 'key', '--json'], io), 2)
    assert.equal((JSON.parse(io.said()) as { error: { code: string } }).error.code, 'CLI_SIGNER')
  }
})

// SPDX-License-Identifier: Apache-2.0
// Bad input to the registry, to the door for rows and to the trust root, as somebody meets it who errs or means harm: each refusal
// says what was attempted, which rule stands, what came, and what to do.

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeTestKey, rootOf, signedRoot, type TestKey } from '@sealwatch/keys/test/manifest-keys'
import { run } from '../../apps/cli/src/cli.ts'
import { manifestRootApply } from '../../apps/cli/src/commands/manifest-root.ts'
import { explain } from '../../apps/cli/src/errors.ts'
import { testIo } from '../../apps/cli/test/test-io.ts'
import { shiftingClock } from '../transport/shifting-clock.ts'
import { startServer, type TestServer } from './server.ts'

let server: TestServer
let dir: string
let tokens: { readonly people: string; readonly rows: string }
let health: string
const at = (name: string) => join(dir, name)
const keys: Record<string, KeyObject> = {}
const clock = shiftingClock()

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sealwatch-bad-input-'))
  const port = await freePort()
  health = `http://127.0.0.1:${port}`
  const settings = {
    SEALWATCH_SERVER_TRUST_STORE: at('trust.json'),
    SEALWATCH_SERVER_HEALTH_PORT: String(port),
  }
  server = await startServer(settings, undefined, { clock })
  const root = server.root('default')
  const tokenOf = async (body: object) => (await root.call('createToken', { body: body as never })).token
  const actions = ['producer:read', 'producer:manage', 'quarantine:read']
  await root.call('addProducer', { body: { producer: 'billing' } })
  tokens = {
    people: await tokenOf({ name: 'ana', actions, ttl_seconds: 600 }),
    rows: await tokenOf({ name: 'billing', actions: ['rows:write'], service: 'billing', ttl_seconds: 600 }),
  }
  makeKey('billing-1')
  assert.equal((await sealwatch('signing-key', 'add', 'billing', at('billing-1.pub'), '--id', 'billing-1')).code, 0)
})
after(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

async function freePort(): Promise<number> {
  const listener = createServer()
  await new Promise<void>((listening) => listener.listen(0, '127.0.0.1', listening))
  const { port } = listener.address() as { port: number }
  await new Promise((closed) => listener.close(closed))
  return port
}

function makeKey(id: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  keys[id] = privateKey
  writeFileSync(at(`${id}.pub`), publicKey.export({ type: 'spki', format: 'pem' }))
}

async function sealwatch(...args: string[]) {
  const io = testIo({ env: { SEALWATCH_TOKEN: tokens.people } })
  const code = await run([...args, '--server', server.url], io)
  return { code, out: io.said(), err: io.complained() }
}

/** Without an error it fails; with one, every part of it must be there. */
async function refused(args: readonly string[], ...parts: readonly RegExp[]) {
  const { code, err } = await sealwatch(...args)
  assert.notEqual(code, 0, `${args.join(' ')} was taken`)
  for (const part of parts) assert.match(err, part)
}

type Sent = { readonly id?: string; readonly text: string; readonly signed?: string; readonly algorithm?: string }

async function send(keyId: string, { id = crypto.randomUUID(), text, signed = text, algorithm = 'ed25519' }: Sent) {
  const signature = sign(null, Buffer.from(signed), keys[keyId] as KeyObject).toString('base64')
  const payload = Buffer.from(text).toString('base64')
  const form = { form: 'detached', payload_type: 'application/json' } as const
  const submissions = [{ id, ...form, payload, key_id: keyId, algorithm, signature }]
  const { outcomes } = await server.by(tokens.rows).call('submitRows', { body: { submissions } })
  return outcomes[0] as { outcome: string; reason?: string; code?: string; detail?: string }
}

/** Of what came last into quarantine. */
async function detailOfLast(): Promise<string> {
  const { items } = await server.root('default').call('listQuarantine', { query: { limit: 500 } })
  const [last] = items.toSorted((a, b) => b.leaf_index - a.leaf_index)
  const { out, err } = await sealwatch('quarantine', 'show', String(last?.leaf_index))
  return out + err
}

test('ING-1 a key under an algorithm that is not its own is not registered', async () => {
  const add = (algorithm: string) => [
    'signing-key',
    'add',
    'billing',
    at('billing-1.pub'),
    '--id',
    'x',
    '--algorithm',
    algorithm,
  ]
  await refused(
    add('rsa-sha256'),
    /adding a signing key failed \(SIGNING_KEY_INVALID\)/,
    /is a public key for/,
    /found "ed25519, for rsa-sha256"/,
    /openssl pkey/,
  )
  await refused(add('hmac-sha256'), /SIGNING_KEY_SHARED/, /hmac-sha256/, /Make a key pair/)
  await refused(add('none'), /SIGNING_KEY_INVALID/, /the algorithm none/)
})

test('ING-2 a row that names another algorithm than its key has is no signed row, and it is said why', async () => {
  const { outcome, reason } = await send('billing-1', { text: '{"a":1}', algorithm: 'rsa-sha256' })
  assert.deepEqual([outcome, reason], ['quarantined', 'invalid_signature'])
  assert.match(await detailOfLast(), /key billing-1 is for ed25519, and the signature is said to be rsa-sha256/)
  const none = await send('billing-1', { text: '{"a":1}', algorithm: 'none' })
  assert.deepEqual([none.outcome, none.code], ['refused', 'SUBMISSION_MALFORMED'])
  assert.match(none.detail ?? '', /an algorithm that is neither ed25519 nor rsa-sha256/)
})

test('ING-2 a signature over JSON that was written anew is none over the bytes that came', async () => {
  const text = '{ "b": 1, "a": 1.0 }'
  const { reason } = await send('billing-1', { text, signed: JSON.stringify(JSON.parse(text)) })
  assert.equal(reason, 'invalid_signature')
  assert.match(await detailOfLast(), /the signature is not that of key billing-1 over these bytes/)
  assert.equal((await send('billing-1', { text })).outcome, 'admitted')
})

test('ING-2 what a sender says of time decides nothing: the window is that of the registry, by the clock of the server', async () => {
  for (const time of ['1970-01-01T00:00:00Z', '2999-01-01T00:00:00Z'])
    assert.equal((await send('billing-1', { text: JSON.stringify({ time }) })).outcome, 'admitted')
  const add = (id: string, ...window: string[]) => [
    'signing-key',
    'add',
    'billing',
    at(`${id}.pub`),
    '--id',
    id,
    ...window,
  ]
  const windows = {
    early: ['--from', '2998-01-01T00:00:00Z'],
    late: ['--from', '1998-01-01T00:00:00Z', '--until', '1999-01-01T00:00:00Z'],
  }
  for (const [id, window] of Object.entries(windows)) {
    makeKey(id)
    assert.equal((await sealwatch(...add(id, ...window))).code, 0)
  }
  assert.equal((await send('early', { text: '{"time":"2998-06-01T00:00:00Z"}' })).reason, 'key_not_yet_valid')
  assert.match(await detailOfLast(), /valid from 2998-01-01/)
  assert.equal((await send('late', { text: '{"time":"1998-06-01T00:00:00Z"}' })).reason, 'key_expired')
  assert.match(await detailOfLast(), /valid until 1999-01-01/)
  makeKey('none')
  await refused(
    add('none', '--from', '2026-11-23T00:00:00Z', '--until', '2026-11-22T00:00:00Z'),
    /SIGNING_KEY_INVALID/,
    /a window from 2026-11-23.* until 2026-11-22/,
    /ends after it begins/,
  )
  await refused(
    ['signing-key', 'revoke', 'billing-1', '--cause', 'leaked', '--compromised-since', '2999-01-01T00:00:00Z'],
    /revoking a signing key failed \(SIGNING_KEY_SINCE\)/,
    /found .*2999-01-01/,
    /--compromised-since/,
  )
})

test('ING-8 other bytes under an id that was there are refused, and the first stay', async () => {
  const id = crypto.randomUUID()
  assert.equal((await send('billing-1', { id, text: '{"n":1}' })).outcome, 'admitted')
  const { outcome, code, detail } = await send('billing-1', { id, text: '{"n":2}' })
  assert.deepEqual([outcome, code], ['refused', 'SUBMISSION_ID_TAKEN'])
  assert.match(detail ?? '', /an id names the bytes that came under it first.*Draw a new id/)
  assert.equal((await send('billing-1', { id, text: '{"n":1}' })).outcome, 'duplicate')
})

test('ING-1 one key under two ids, and two keys under one id, are refused, and both are named', async () => {
  const add = (file: string, id: string) => ['signing-key', 'add', 'billing', at(`${file}.pub`), '--id', id]
  await refused(add('billing-1', 'billing-2'), /SIGNING_KEY_TAKEN/, /billing-2.*billing-1/, /signing-key list/)
  makeKey('other')
  await refused(add('other', 'billing-1'), /SIGNING_KEY_TAKEN/, /the id billing-1/, /Give a new key a new id/)
})

test('ING-5 of a trust-store file with two keys under one id nothing counts: line, path and the other place are named, wherever somebody looks', async () => {
  const key = () => ({
    key_id: 'twice',
    algorithm: 'ed25519',
    public_key: makeTestKey('ed25519').spki.toBase64(),
    valid_from: '2026-11-01T00:00:00Z',
  })
  const file = { version: 1, tenants: { default: { services: { orders: { keys: [key(), key()] } } } } }
  writeFileSync(at('trust.json'), JSON.stringify(file, undefined, 1))
  const shown = async () => await (await fetch(`${health}/readyz`)).text()
  while (!(await shown()).includes('twice')) await delay(50)
  assert.match(await metrics(), /^sealwatch_trust_store_ok 0$/m)
  const found =
    /line \d+, \/tenants\/default\/services\/orders\/keys\/1: the id twice stands at line \d+, \/tenants\/default\/services\/orders\/keys\/0 already/
  assert.match(await shown(), found)
  // One look later, where the file was missing before.
  while (!server.log.some((line) => line.includes('TRUST_STORE_INVALID') && found.test(line))) await delay(50)
  assert.doesNotMatch((await sealwatch('signing-key', 'list')).out, /twice/)
})

const metrics = async () => await (await fetch(`${health}/metrics`)).text()

test('SIG-5 a trust root with a lowered threshold, with one key twice, and one that has expired, do not count', async () => {
  const members = (['ed25519', 'ed25519', 'ed25519'] as const).map((name) => makeTestKey(name))
  const pem = (name: string, { spki }: TestKey) => {
    writeFileSync(at(name), `-----BEGIN PUBLIC KEY-----\n${spki.toBase64()}\n-----END PUBLIC KEY-----\n`)
    return at(name)
  }
  const [ada = '', bo = ''] = members.map((key, i) => pem(`member-${i}.pem`, key))
  const init = (keysGiven: string, ...more: string[]) =>
    run(['manifest', 'root', 'init', '--keys', keysGiven, '-o', at('new.json'), ...more], io)
  const io = testIo()
  assert.notEqual(await init(`Ada=${ada},Bo=${bo},Cem=${ada}`), 0)
  assert.match(
    io.complained(),
    /writing a trust root failed.*one key of two owners.*Each owner has a key of their own/s,
  )

  const put = (name: string, root: ReturnType<typeof rootOf>, by: readonly TestKey[]) => {
    writeFileSync(at(name), JSON.stringify(signedRoot(root, by)))
    return at(name)
  }
  const place = { data: dir, run: at('run'), name: 'bad-input' }
  mkdirSync(at('run/server'), { recursive: true })
  symlinkSync(server.socketPath, at('run/server/api.sock'))
  const options = { server: undefined, digest: undefined }
  /** As root on the machine of the server. */
  async function refusedRoot(file: string, ...parts: readonly RegExp[]) {
    const error = await manifestRootApply
      .run(options, [file], { io, place, json: false })
      .then(() => assert.fail(`${file} was taken`), explain)
    for (const part of parts) assert.match(error.join('\n'), part)
  }
  const expired = put('expired.json', rootOf(1, members, 3, '2026-01-01T00:00:00.000000000Z'), members)
  await refusedRoot(expired, /TRUST_ROOT_EXPIRED/, /version 1, until 2026-01-01/, /root init --after/)
  await server
    .root('cluster')
    .call('installTrustRoot', { body: { envelope: signedRoot(rootOf(1, members, 3), members) as never } })

  const stranger = makeTestKey('ed25519')
  const lowered = rootOf(2, [members[0] as TestKey, stranger], 2)
  await refusedRoot(
    put('lowered.json', lowered, [members[0] as TestKey, stranger]),
    /TRUST_ROOT_UNVERIFIED/,
    /1 \(owner of .*\) of 3 signers/,
    /root sign/,
  )
  const [first] = members as [TestKey]
  const twin = { ...first, keyid: 'f'.repeat(64) }
  await refusedRoot(
    put('twin.json', rootOf(2, [first, twin, ...members.slice(1)], 3), members),
    /TRUST_ROOT_MALFORMED/,
    /one public key under two ids/,
  )
  const one = rootOf(2, members, 1)
  await refusedRoot(put('one.json', one, members), /TRUST_ROOT_MALFORMED/, /the threshold 1 of 3, and not 2 to 3/)
  assert.equal((await server.root('cluster').call('listTrustRoots')).items.length, 1)
})

test('ING-7 two thousand keys that nobody knows, of one service: each row is kept and counted, and what is shown of keys stays small', async () => {
  const total = 2_000
  const submissionsOf = (first: number) =>
    Array.from({ length: 100 }, (_, i) => ({
      id: crypto.randomUUID(),
      form: 'detached' as const,
      payload: Buffer.from(`{"n":${first + i}}`).toString('base64'),
      payload_type: 'application/json',
      key_id: `made-up-${first + i}`,
      algorithm: 'ed25519' as const,
      signature: Buffer.alloc(64, 1).toString('base64'),
    }))
  const [before, rssBefore] = [await rowFigures(), process.memoryUsage().rss]
  for (let first = 0; first < total; first += 100) {
    // What one service may bring in a second, and it waits for the next.
    clock.advance(1_000)
    const { outcomes } = await server
      .by(tokens.rows)
      .call('submitRows', { body: { submissions: submissionsOf(first) } })
    const told = new Set(outcomes.map((one) => `${one.outcome} ${'reason' in one ? one.reason : ''}`))
    assert.deepEqual([[...told], outcomes.length], [['quarantined unknown_key'], 100])
  }
  const { figures, series } = await rowFigures()
  const risen = (name: string) => (figures.get(name) ?? 0) - (before.figures.get(name) ?? 0)
  for (const name of ['rows_received_total', 'rows_quarantined_total', 'waiting'])
    assert.equal(risen(name), total, name)
  for (const name of ['rows_admitted_total', 'rows_refused_total', 'rows_duplicate_total', 'conservation_broken'])
    assert.equal(risen(name), 0, name)
  assert.equal(risen('signature_rejects_total'), total, 'each row in one series')
  assert.ok(series <= 200, `${series} series`)
  assert.ok(process.memoryUsage().rss - rssBefore < 100 * 1024 * 1024)
})

/** Of all series of rows of the tenant: what each metric comes to, and how many series there are. */
async function rowFigures() {
  const form =
    /^sealwatch_(?:ingest_|quarantine_)?(rows_(?:received|admitted|quarantined|refused|duplicate)_total|waiting|conservation_broken|signature_rejects_total)\{tenant="default".*\} (\d+)$/
  const found = (await metrics()).split('\n').flatMap((line) => {
    const [, name = '', value = ''] = form.exec(line) ?? []
    return name === '' ? [] : [{ name, value: Number(value) }]
  })
  const figures = new Map<string, number>()
  for (const { name, value } of found) figures.set(name, (figures.get(name) ?? 0) + value)
  return { figures, series: found.length }
}

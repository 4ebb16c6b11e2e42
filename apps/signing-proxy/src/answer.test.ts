// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, hash } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, createLog, type Disk, diskErrors, errorsOf, systemClock, systemDisk } from '@sealwatch/base'
import {
  type AuditSigner,
  auditProbeText,
  chooseSigner,
  generateSigner,
  mockKey,
  prepareSigner,
  readSignerSettings,
  type SignerChoice,
  signerErrors,
} from '@sealwatch/keys'
import { preAuthEncoding } from '@sealwatch/keys/dsse'
import { createAnswering, type SigningProxy } from './answer.ts'
import { type AuditRecord, openAudit } from './audit.ts'
import { hashApiKey } from './callers.ts'
import { createRate } from './rate.ts'

const { signal } = new AbortController()
const type = 'application/vnd.sealwatch.delegation+json'
const message = preAuthEncoding(type, Buffer.from('{}'))
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const key = 'swp_key'

function proxyOf(signer: AuditSigner, over: Partial<SigningProxy> = {}) {
  const records: AuditRecord[] = []
  const counters = { signed: 0, verified: 0, refused: 0, failed: 0, unauthenticated: 0 }
  const lines: string[] = []
  const caller = {
    name: 'server-1',
    apiKeyHash: hashApiKey(key),
    certificateName: undefined,
    purposes: [type, 'hash:backup'],
    signaturesPerMinute: 600,
  }
  const answering = createAnswering({
    signer,
    callers: [caller],
    audit: { record: async (record) => void records.push(record) },
    rate: createRate(systemClock),
    readiness: async () => ({ status: 'ready', serves: true, parts: {} }),
    counters,
    log: createLog('test', (line) => lines.push(line), systemClock.nowMs),
    signal,
    ...over,
  })
  const ask = (
    method: string,
    path: string,
    body: unknown = {},
    authorization: string | undefined = `Bearer ${key}`,
  ) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return answering({
      method,
      path,
      credentials: { authorization, certificate: undefined },
      body: async () => Buffer.from(text),
    })
  }
  return { ask, records, counters, lines }
}

async function rsaSigner(): Promise<AuditSigner> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })).export({
    type: 'pkcs8',
    format: 'pem',
  }) as string
  const plan = chooseSigner(readSignerSettings({ AUDIT_SIGNING_ALG: 'rsa-sha256', AUDIT_SIGNING_PRIVATE_KEY: pem }))
  return (await prepareSigner(plan.active as SignerChoice, { required: false, clock: systemClock }))(signal)
}

test('SIG-2 a message whose purpose is allowed is signed, and on record', async () => {
  const signer = mockKey('ed25519', 'x')
  const { ask, records, counters } = proxyOf(signer)
  const { status, body } = await ask('POST', '/sign/canonical', { message: base64(message) })
  assert.equal(status, 200)
  assert.deepEqual([body.algorithm, body.key_id], ['ed25519', signer.keyId])
  const signature = Buffer.from(body.signature as string, 'base64')
  assert.ok(await signer.verify(message, signature, signal))
  assert.deepEqual(records, [
    {
      outcome: 'signed',
      operation: 'sign/canonical',
      caller: 'server-1',
      purpose: type,
      digest: hash('sha256', message, 'hex'),
      keyId: signer.keyId,
      signatureDigest: hash('sha256', signature, 'hex'),
    },
  ])
  const verified = await ask('POST', '/verify', { message: base64(message), signature: body.signature })
  assert.deepEqual(verified, { status: 200, body: { valid: true } })
  const denied = await ask('POST', '/verify', { message: base64(Buffer.from('x')), signature: body.signature })
  assert.deepEqual(denied.body, { valid: false })
  assert.deepEqual(counters, { signed: 1, verified: 2, refused: 0, failed: 0, unauthenticated: 0 })
})

test('SIG-2 a purpose that is not allowed is refused, and the attempt is on record', async () => {
  const { ask, records } = proxyOf(mockKey('ed25519', 'x'))
  const others = [preAuthEncoding('application/other', Buffer.from('{}')), Buffer.from('anything')]
  for (const other of others) {
    const { status, body } = await ask('POST', '/sign/canonical', { message: base64(other) })
    assert.deepEqual([status, body.code], [403, 'PROXY_PURPOSE'])
  }
  assert.deepEqual(
    records.map(({ outcome, purpose, code }) => [outcome, purpose, code]),
    [
      ['refused', 'application/other', 'PROXY_PURPOSE'],
      ['refused', 'unknown', 'PROXY_PURPOSE'],
    ],
  )
  assert.equal((await ask('POST', '/sign/canonical', { message: base64(Buffer.from(auditProbeText)) })).status, 200)
})

test('SIG-2 a digest is signed by rsa-sha256 alone, for a purpose of its own kind', async () => {
  const digest = hash('sha256', 'a backup', 'hex')
  const signer = await rsaSigner()
  const { ask, records } = proxyOf(signer)
  const { status, body } = await ask('POST', '/sign/hash', { digest, purpose: 'backup' })
  assert.equal(status, 200)
  assert.ok(await signer.verify(Buffer.from('a backup'), Buffer.from(body.signature as string, 'base64'), signal))
  assert.deepEqual([records[0]?.purpose, records[0]?.digest], ['hash:backup', digest])
  assert.equal((await ask('POST', '/sign/hash', { digest, purpose: 'restore' })).body.code, 'PROXY_PURPOSE')
  assert.equal((await ask('POST', '/sign/hash', { digest: 'ab', purpose: 'backup' })).body.code, 'PROXY_REQUEST')
  const edwards = proxyOf(mockKey('ed25519', 'x'))
  assert.equal((await edwards.ask('POST', '/sign/hash', { digest, purpose: 'backup' })).body.code, 'PROXY_DIGEST')
})

test('strict: other members, other forms, twice the same, sizes and paths are refused by name', async () => {
  const { ask, records } = proxyOf(mockKey('ed25519', 'x'))
  const good = base64(message)
  const bad: [unknown, string][] = [
    ['', 'PROXY_REQUEST'],
    ['[]', 'PROXY_REQUEST'],
    [`{"message": "${good}"}`, 'PROXY_REQUEST'],
    [`{"message":"${good}","message":"${good}"}`, 'PROXY_REQUEST'],
    [{ message: good, purpose: type }, 'PROXY_REQUEST'],
    [{ message: 7 }, 'PROXY_REQUEST'],
    [{ message: `${good} ` }, 'PROXY_REQUEST'],
    [{ message: good.replace(/=*$/, '') }, 'PROXY_REQUEST'],
    [{ message: '' }, 'PROXY_REQUEST'],
    [{ message: base64(new Uint8Array(4097)) }, 'PROXY_REQUEST'],
  ]
  for (const [body, code] of bad) {
    const answer = await ask('POST', '/sign/canonical', body)
    assert.deepEqual([answer.status, answer.body.code], [400, code], JSON.stringify(body))
  }
  for (const [method, path] of [
    ['GET', '/sign/canonical'],
    ['POST', '/key'],
    ['POST', '/sign'],
    ['GET', '/__proto__'],
    ['GET', '/key?x'],
  ] as const)
    assert.equal((await ask(method, path)).status, 404)
  assert.deepEqual(records, [])
})

test('strangers are turned away from everything but the health', async () => {
  const { ask, counters, lines } = proxyOf(mockKey('ed25519', 'x'))
  for (const path of ['/sign/canonical', '/sign/hash', '/verify'])
    assert.equal((await ask('POST', path, {}, 'Bearer another')).status, 401)
  assert.equal((await ask('GET', '/key', {}, undefined)).status, 200)
  assert.equal((await ask('GET', '/key', {}, '')).status, 401)
  assert.deepEqual(await ask('GET', '/healthz', {}, ''), { status: 200, body: { status: 'ok' } })
  for (let i = 0; i < 100; i += 1) await ask('GET', '/key', {}, '')
  assert.equal(counters.unauthenticated, 104)
  assert.ok(lines.length < 20, 'a stranger fills the log')
})

test('a caller that asks too often waits', async () => {
  let nowNs = 0n
  const clock: Clock = { ...systemClock, monotonicNs: () => nowNs }
  const { ask } = proxyOf(mockKey('ed25519', 'x'), { rate: createRate(clock) })
  const statuses = async (count: number) => {
    const answers = []
    for (let i = 0; i < count; i += 1) answers.push((await ask('GET', '/key')).status)
    return answers.filter((status) => status === 200).length
  }
  assert.equal(await statuses(100), 60)
  assert.equal((await ask('GET', '/key')).body.code, 'PROXY_RATE')
  nowNs += 1_000_000_000n
  assert.equal(await statuses(100), 10)
})

test('fail closed: what cannot be recorded is not signed for anyone, and nothing of it is told', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-proxy-audit-'))
  let isFull = false
  const disk: Disk = {
    ...systemDisk,
    openAppend: async (path) => {
      const file = await systemDisk.openAppend(path)
      const append: typeof file.append = async (chunks) => {
        if (isFull) throw errorsOf(diskErrors)('DISK_FULL', { attempted: 'testing' })
        await file.append(chunks)
      }
      return Object.assign(Object.create(file) as typeof file, { append })
    },
  }
  const options = { dir: dir.path, signer: generateSigner(), version: '0', bytesMax: 64 * 1024 * 1024 }
  const audit = await openAudit({ ...options, clock: systemClock, disk })
  const { ask, counters } = proxyOf(mockKey('ed25519', 'x'), { audit })
  const asked = () => ask('POST', '/sign/canonical', { message: base64(message) })
  assert.equal((await asked()).status, 200)
  const before = audit.chain.position.nextSeq
  isFull = true
  const refused = await asked()
  assert.deepEqual([refused.status, refused.body.code, refused.body.signature], [503, 'PROXY_AUDIT', undefined])
  assert.equal(audit.chain.position.nextSeq, before)
  isFull = false
  const many = await Promise.all(Array.from({ length: 20 }, asked))
  assert.ok(many.every(({ status }) => status === 200))
  assert.equal(counters.signed, 21)
  await audit.close()
})

test('what the keeper says stays in the log', async () => {
  const refusing: AuditSigner = {
    ...mockKey('ed25519', 'x'),
    sign: () => Promise.reject(errorsOf(signerErrors)('SIGNER_REFUSED', { attempted: 'x', received: 'arn:secret' })),
    verify: () => Promise.reject(new Error('arn:secret')),
  }
  const { ask, records, lines } = proxyOf(refusing)
  const { status, body } = await ask('POST', '/sign/canonical', { message: base64(message) })
  assert.deepEqual([status, body.code], [503, 'PROXY_SIGNER'])
  assert.ok(!JSON.stringify(body).includes('arn:secret'))
  assert.equal(records[0]?.code, 'PROXY_SIGNER')
  assert.ok(lines.some((line) => line.includes('SIGNER_REFUSED')))
  const verified = await ask('POST', '/verify', { message: base64(message), signature: base64(new Uint8Array(64)) })
  assert.deepEqual([verified.status, verified.body.code], [503, 'PROXY_SIGNER'])
})

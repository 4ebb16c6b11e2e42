// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { type Clock, systemClock } from '@sealwatch/base'
import { allowedActions, credentials, openKmsEndpoint, region } from '../../test/kms-endpoint.ts'
import { hmac, opensslVerifies } from '../../test/openssl.ts'
import type { AuditAlgorithm } from './algorithms.ts'
import { prepareKms } from './kms.ts'
import { auditMessageBytesMax, hmacKeyIdText } from './signer.ts'

const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-kms-'))
const kms = await openKmsEndpoint(dir.path)
after(async () => {
  await kms.close()
  await dir.remove()
})
beforeEach(() => {
  kms.requests.length = 0
  kms.faults.length = 0
  kms.tamper = undefined
})

const { signal } = new AbortController()
const message = Buffer.from('the original message, as long as it pleases')
const connection = { endpoint: kms.endpoint, region, credentials }
const open = async (key: string, algorithm: AuditAlgorithm, over: object = {}, clock: Clock = systemClock) =>
  (await prepareKms({ key, algorithm, clock, connection: { ...connection, ...over } })).open(signal)

for (const algorithm of ['rsa-sha256', 'ed25519'] as const) {
  test(`SIG-2 AWS KMS, ${algorithm}: openssl verifies over the original message; hashed once more, it does not`, async () => {
    const key = kms.addKey(algorithm)
    const signer = await open(key, algorithm)
    assert.equal(signer.location, key)
    assert.equal(signer.keyId, hash('sha256', signer.publicKey as Uint8Array, 'hex'))
    const holds = (signature: Uint8Array) =>
      opensslVerifies(dir.path, algorithm, signer.publicKey as Uint8Array, message, signature)
    for (const size of [1, 32, auditMessageBytesMax]) await signer.sign(new Uint8Array(size), signal)
    const signature = await signer.sign(message, signal)
    assert.ok(holds(signature))
    assert.ok(await signer.verify(message, signature, signal))
    assert.equal(await signer.verify(Buffer.from('another'), signature, signal), false)
    // The test can fail: a client that hashes before the signer does gets a signature that does not hold.
    assert.equal(holds(await signer.sign(hash('sha256', message, 'buffer'), signal)), false)
    await assert.rejects(signer.sign(new Uint8Array(auditMessageBytesMax + 1), signal), { code: 'SIGNER_MESSAGE' })
    await signer.close()
  })
}

test('SIG-2 AWS KMS: a digest gives the signature of its message, and needs 32 bytes', async () => {
  const signer = await open(kms.addKey('rsa-sha256'), 'rsa-sha256')
  const signature = (await signer.signDigest?.(hash('sha256', message, 'buffer'), signal)) as Uint8Array
  assert.ok(opensslVerifies(dir.path, 'rsa-sha256', signer.publicKey as Uint8Array, message, signature))
  await assert.rejects(async () => signer.signDigest?.(message, signal), { code: 'SIGNER_MESSAGE' })
  kms.tamper = (_action, answer) => ({ ...answer, Signature: Buffer.alloc(256).toString('base64') })
  await assert.rejects(async () => signer.signDigest?.(new Uint8Array(32), signal), { code: 'SIGNER_FALSE' })
  assert.equal((await open(kms.addKey('ed25519'), 'ed25519').catch(() => undefined))?.signDigest, undefined)
})

test('SIG-2 AWS KMS hashes what a client calls RAW, so the digest as RAW is the message hashed twice', async () => {
  const key = kms.addKey('rsa-sha256')
  const signer = await open(key, 'rsa-sha256')
  const client = new KMSClient(connection)
  const signed = async (MessageType: 'RAW' | 'DIGEST') => {
    const Message = hash('sha256', message, 'buffer')
    const command = new SignCommand({
      KeyId: key,
      Message,
      MessageType,
      SigningAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    })
    const { Signature } = await client.send(command)
    return opensslVerifies(dir.path, 'rsa-sha256', signer.publicKey as Uint8Array, message, Signature as Uint8Array)
  }
  assert.equal(await signed('DIGEST'), true)
  assert.equal(await signed('RAW'), false)
  client.destroy()
})

test('SIG-2 AWS KMS, hmac-sha256: GenerateMac and VerifyMac, and the secret stays where it is', async () => {
  const key = kms.addKey('hmac-sha256')
  const secret = kms.keys.get(key)?.secret as string
  const signer = await open(key, 'hmac-sha256')
  assert.equal(signer.publicKey, undefined)
  assert.equal(signer.keyId, hmac(secret, Buffer.from(hmacKeyIdText)).toString('hex'))
  const tag = await signer.sign(message, signal)
  assert.deepEqual(Buffer.from(tag), hmac(secret, message))
  assert.ok(await signer.verify(message, tag, signal))
  assert.equal(await signer.verify(Buffer.from('another'), tag, signal), false)
  assert.deepEqual(
    kms.requests.map(({ action }) => action),
    ['DescribeKey', 'GenerateMac', 'GenerateMac', 'VerifyMac', 'VerifyMac'],
  )
})

test('SIG-4 the policy of deploy/aws allows what is needed and nothing more', () => {
  const needed = ['DescribeKey', 'GenerateMac', 'GetPublicKey', 'Sign', 'Verify', 'VerifyMac']
  assert.deepEqual(
    allowedActions.toSorted(),
    needed.map((action) => `kms:${action}`),
  )
})

test('an alias is followed once: what is recorded and asked for is the key', async () => {
  const [first, second] = [kms.addKey('ed25519'), kms.addKey('ed25519')]
  kms.aliases.set('alias/audit', first)
  const signer = await open('alias/audit', 'ed25519')
  kms.aliases.set('alias/audit', second)
  const signature = await signer.sign(message, signal)
  assert.equal(signer.location, first)
  assert.ok(await signer.verify(message, signature, signal))
})

test('a key of another kind, a key that is switched off and a key that is not there are refused', async () => {
  const rsa = kms.addKey('rsa-sha256')
  await assert.rejects(open(rsa, 'ed25519'), { code: 'SIGNER_KEY_UNFIT', received: '"RSA_2048, for ed25519"' })
  await assert.rejects(open(rsa, 'hmac-sha256'), { code: 'SIGNER_KEY_UNFIT' })
  const signer = await open(rsa, 'rsa-sha256')
  await signer.probe(signal)
  Object.assign(kms.keys.get(rsa) as object, { state: 'PendingDeletion' })
  await assert.rejects(signer.probe(signal), { code: 'SIGNER_REFUSED', received: /PendingDeletion/ })
  await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_REFUSED', received: /DisabledException/ })
  const absent = rsa.replace(/key\/.*/, 'key/00000000-0000-0000-0000-000000000000')
  await assert.rejects(open(absent, 'rsa-sha256'), { code: 'SIGNER_REFUSED', received: /NotFoundException/ })
})

test('SigV4 is checked: another secret, another access key and another region are turned away', async () => {
  const key = kms.addKey('ed25519')
  const denied = { code: 'SIGNER_REFUSED' }
  await assert.rejects(open(key, 'ed25519', { credentials: { ...credentials, secretAccessKey: 'another' } }), denied)
  await assert.rejects(open(key, 'ed25519', { credentials: { ...credentials, accessKeyId: 'AKIAOTHER' } }), denied)
  await assert.rejects(open(key, 'ed25519', { region: 'eu-other-1' }), denied)
  assert.equal(kms.requests.length, 0)
})

test('what fails in passing is tried again, at most three times in all', async () => {
  const signer = await open(kms.addKey('ed25519'), 'ed25519')
  const busy = { status: 400, type: 'ThrottlingException' }
  const broken = { status: 500, type: 'KMSInternalException' }
  kms.faults.push(busy, broken)
  assert.ok(await signer.verify(message, await signer.sign(message, signal), signal))
  kms.faults.push(broken, broken, broken, broken)
  await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_UNAVAILABLE', received: /KMSInternalException/ })
  assert.equal(kms.faults.length, 1)
  kms.faults.length = 0
  kms.faults.push({ status: 400, type: 'AccessDeniedException' })
  await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_REFUSED', received: /AccessDenied/ })
})

test('a KMS that says nothing costs the deadline and no more', async () => {
  let late: (() => void) | undefined
  const clock: Clock = {
    ...systemClock,
    sleep: (_ms, stop) =>
      new Promise((resolve) => {
        late = resolve
        stop?.addEventListener('abort', () => resolve(), { once: true })
      }),
  }
  const signer = await open(kms.addKey('ed25519'), 'ed25519', {}, clock)
  kms.faults.push('silence')
  const waiting = signer.sign(message, signal)
  while (kms.faults.length > 0) await new Promise((resolve) => setImmediate(resolve))
  late?.()
  await assert.rejects(waiting, { code: 'SIGNER_UNAVAILABLE', received: /no answer within 10000 ms/ })
  const stop = new AbortController()
  kms.faults.push('silence')
  const stopped = signer.sign(message, stop.signal)
  while (kms.faults.length > 0) await new Promise((resolve) => setImmediate(resolve))
  stop.abort(new Error('we stop'))
  await assert.rejects(stopped, { message: 'we stop' })
})

test('a signature that does not hold, and an answer of another key, are not passed on', async () => {
  const [key, other] = [kms.addKey('ed25519'), kms.addKey('ed25519')]
  const signer = await open(key, 'ed25519')
  kms.tamper = (_action, answer) => ({ ...answer, KeyId: other })
  await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_FALSE' })
  kms.tamper = (_action, answer) => ({ ...answer, Signature: Buffer.alloc(64).toString('base64') })
  await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_FALSE' })
})

test('where nobody is at home the error says so', async () => {
  const away = { endpoint: 'http://127.0.0.1:1' }
  await assert.rejects(open(kms.addKey('ed25519'), 'ed25519', away), { code: 'SIGNER_UNAVAILABLE' })
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { chmod, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { systemClock } from '@sealwatch/base'
import { auditKeyId } from './algorithms.ts'
import { chooseSigner, type SignerChoice } from './choose.ts'
import { mockKey } from './mock.ts'
import { prepareSigner } from './open.ts'
import { readSignerSettings } from './settings.ts'

const { signal } = new AbortController()
const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-open-'))
const ed25519 = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

async function open(env: Record<string, string>) {
  const plan = chooseSigner(readSignerSettings(env))
  return (await prepareSigner(plan.active as SignerChoice, { ...plan, clock: systemClock }))(signal)
}
const withKey = (material: string, more: Record<string, string> = {}) =>
  open({ AUDIT_SIGNING_ALG: 'ed25519', AUDIT_SIGNING_PRIVATE_KEY: material, ...more })

test('SIG-2 a private key is taken as text, as text on one line, and from a file, and is the same key', async () => {
  await using dir = await temporary()
  const pem = ed25519()
  const path = join(dir.path, 'audit.pem')
  await writeFile(path, pem, { mode: 0o600 })
  const id = auditKeyId(createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }))
  for (const material of [pem, pem.replaceAll('\n', '\\n'), `file:${path}`]) {
    const signer = await withKey(material, { NODE_ENV: 'production' })
    assert.equal(signer.keyId, id)
    await signer.probe(signal)
  }
  assert.equal((await withKey(`file:${path}`)).location, `file:${path}`)
  assert.equal((await withKey(pem)).location, 'environment:AUDIT_SIGNING_PRIVATE_KEY')
})

test('SIG-2 a secret is taken from a file without the newline at its end', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'secret')
  await writeFile(path, '5f0c7c2f6a5be1d3a4978e10c2b64d8f\n', { mode: 0o600 })
  const fromFile = await open({ AUDIT_SIGNING_KEY: `file:${path}`, NODE_ENV: 'production' })
  const fromText = await open({ AUDIT_SIGNING_KEY: '5f0c7c2f6a5be1d3a4978e10c2b64d8f' })
  assert.equal(fromFile.keyId, fromText.keyId)
})

test('SIG-3 in production a test key is refused wherever it lies: in a file, as a PEM, as the key of a specification', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'key')
  await writeFile(path, 'test-ci-signing-key\n', { mode: 0o600 })
  const forbidden = { code: 'SIGNER_FORBIDDEN', received: '"a published test key"' }
  await assert.rejects(open({ AUDIT_SIGNING_KEY: `file:${path}`, REQUIRE_KMS: 'true' }), forbidden)
  await open({ AUDIT_SIGNING_KEY: `file:${path}` })
  await writeFile(path, 'short', { mode: 0o600 })
  const guessed = { code: 'SIGNER_FORBIDDEN', received: /guessed/ }
  await assert.rejects(open({ AUDIT_SIGNING_KEY: `file:${path}`, REQUIRE_KMS: 'true' }), guessed)
  // RFC 8032, 7.1, test 1.
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
  const published = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const pem = published.export({ type: 'pkcs8', format: 'pem' }) as string
  await assert.rejects(withKey(pem, { NODE_ENV: 'production' }), forbidden)
  await withKey(pem)
})

test('SIG-2 the mock is a function of its text, and has no RSA key', async () => {
  const [first, second] = [await open({ MOCK_AUDIT_SIGNING_KEY: 'a' }), await open({ MOCK_AUDIT_SIGNING_KEY: 'a' })]
  assert.equal(first.backend, 'mock')
  assert.equal(first.keyId, second.keyId)
  assert.notEqual(mockKey('ed25519', 'a').keyId, mockKey('ed25519', 'b').keyId)
  assert.throws(() => mockKey('rsa-sha256', 'a'), { code: 'SIGNER_SETTINGS', advice: /openssl genrsa/ })
})

test('what is no key is refused, and never shown', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'key')
  const hidden = 'MC4CAQAwBQYDK2VwBCIEIHidden'
  const broken = `-----BEGIN PRIVATE KEY-----\n${hidden}\n-----END PRIVATE KEY-----`
  const unreadable = (error: Error & { code?: string }) => {
    assert.equal(error.code, 'SIGNER_KEY_UNREADABLE')
    assert.ok(!inspect(error, { depth: 9 }).includes(hidden))
    return true
  }
  await assert.rejects(withKey(broken), unreadable)
  for (const content of [broken, '', 'x'.repeat(65 * 1024)]) {
    await writeFile(path, content, { mode: 0o600 })
    await assert.rejects(withKey(`file:${path}`), unreadable)
  }
  await assert.rejects(withKey('file:relative'), unreadable)
  await assert.rejects(withKey(`file:${path}-absent`), unreadable)
  await assert.rejects(withKey(`file:${dir.path}`), unreadable)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  await assert.rejects(withKey(rsa as string), { code: 'SIGNER_KEY_UNFIT' })
})

test('in production a key file that others may read is refused', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'key')
  await writeFile(path, ed25519(), { mode: 0o600 })
  await chmod(path, 0o640)
  const production = { NODE_ENV: 'production' }
  await assert.rejects(withKey(`file:${path}`, production), { code: 'SIGNER_KEY_UNREADABLE', received: /mode 640/ })
  await withKey(`file:${path}`)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createHmac, createSecretKey, generateKeyPairSync, hash } from 'node:crypto'
import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import { type AuditAlgorithm, auditKeyId, auditPublicKey, verifyAudit } from './algorithms.ts'
import { localSigner } from './file.ts'
import { openOwnSigner } from './own-key.ts'
import { auditMessageBytesMax, hmacKeyIdText } from './signer.ts'

const { signal } = new AbortController()
const message = Buffer.from('a message')
const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-signers-'))
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey
const signerOf = (algorithm: AuditAlgorithm, key: Parameters<typeof localSigner>[0]['key']) =>
  localSigner({ backend: 'file', algorithm, key, location: 'file:test' })

const keys = {
  'hmac-sha256': () => createSecretKey(Buffer.from('a secret of our own')),
  'rsa-sha256': () => rsa(2048),
  ed25519: () => generateKeyPairSync('ed25519').privateKey,
} as const

for (const algorithm of Object.keys(keys) as AuditAlgorithm[]) {
  test(`SIG-1 ${algorithm}: what is signed verifies, and nothing else does`, async () => {
    const signer = signerOf(algorithm, keys[algorithm]())
    const signature = Buffer.from(await signer.sign(message, signal))
    assert.ok(await signer.verify(message, signature, signal))
    assert.equal(await signer.verify(Buffer.from('a messagE'), signature, signal), false)
    assert.equal(await signer.verify(message, signature.subarray(1), signal), false)
    for (const at of [0, signature.length >> 1, signature.length - 1]) {
      const altered = Buffer.from(signature)
      altered[at] = (altered[at] as number) ^ 1
      assert.equal(await signer.verify(message, altered, signal), false)
    }
    await signer.probe(signal)
    await assert.rejects(signer.sign(new Uint8Array(0), signal), { code: 'SIGNER_MESSAGE' })
    await signer.sign(new Uint8Array(auditMessageBytesMax), signal)
    await assert.rejects(signer.sign(new Uint8Array(auditMessageBytesMax + 1), signal), { code: 'SIGNER_MESSAGE' })
  })
}

test('SIG-1 a public key verifies alone, and its id is the hash of its SPKI', async () => {
  for (const algorithm of ['rsa-sha256', 'ed25519'] as const) {
    const signer = signerOf(algorithm, keys[algorithm]())
    const spki = signer.publicKey as Uint8Array
    assert.equal(signer.keyId, auditKeyId(spki))
    assert.ok(verifyAudit(algorithm, spki, message, await signer.sign(message, signal)))
  }
})

test('SIG-2 rsa-sha256 alone signs a digest, and the signature is that of the message', async () => {
  const digest = hash('sha256', message, 'buffer')
  const signer = signerOf('rsa-sha256', keys['rsa-sha256']())
  const signature = (await signer.signDigest?.(digest, signal)) as Uint8Array
  assert.ok(await signer.verify(message, signature, signal))
  assert.equal(await signer.verify(digest, signature, signal), false)
  await assert.rejects(async () => signer.signDigest?.(message, signal), { code: 'SIGNER_MESSAGE' })
  for (const algorithm of ['hmac-sha256', 'ed25519'] as const)
    assert.equal(signerOf(algorithm, keys[algorithm]()).signDigest, undefined)
})

test('SIG-1 the id of a secret is its tag over a fixed text, and there is no public key', () => {
  const signer = signerOf('hmac-sha256', createSecretKey(Buffer.from('secret')))
  assert.equal(signer.keyId, createHmac('sha256', 'secret').update(hmacKeyIdText).digest('hex'))
  assert.equal(signer.publicKey, undefined)
})

test('a key of another kind or size is refused, as is a public key with something behind it', () => {
  const unfit = { code: 'SIGNER_KEY_UNFIT' }
  assert.throws(() => signerOf('rsa-sha256', rsa(1024)), unfit)
  assert.throws(() => signerOf('rsa-sha256', keys.ed25519()), unfit)
  assert.throws(() => signerOf('ed25519', keys['hmac-sha256']()), unfit)
  assert.throws(() => signerOf('hmac-sha256', keys.ed25519()), unfit)
  assert.throws(() => signerOf('rsa-sha256', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey), unfit)
  const spki = signerOf('ed25519', keys.ed25519()).publicKey as Uint8Array
  assert.throws(() => auditPublicKey('ed25519', Buffer.concat([spki, Buffer.alloc(1)]), 'testing'), unfit)
  assert.throws(() => auditPublicKey('rsa-sha256', spki, 'testing'), unfit)
  const weak = Buffer.concat([spki.subarray(0, 12), Buffer.alloc(32)])
  assert.throws(() => auditPublicKey('ed25519', weak, 'testing'), { code: 'KEY_WEAK' })
})

test('the own key is made once, for its owner alone, found again, and never replaced', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'audit.key')
  const made = await openOwnSigner(path, systemDisk)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await openOwnSigner(path, systemDisk)).keyId, made.keyId)
  for (const content of ['', 'no key', rsa(2048).export({ type: 'pkcs8', format: 'pem' })]) {
    await writeFile(path, content)
    await assert.rejects(openOwnSigner(path, systemDisk), { code: 'SIGNER_KEY_UNREADABLE', kind: 'fatal' })
    assert.equal(await readFile(path, 'utf8'), content)
  }
})

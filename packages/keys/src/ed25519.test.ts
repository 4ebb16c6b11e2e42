// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempDisposable, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import { checkPublicKey, generateSigner, keyIdOf, loadOrCreateSigner, verifyEd25519 } from './ed25519.ts'

const hex = (text: string) => Uint8Array.fromHex(text)
const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-keys-'))

type Vector = { seed: string; pub: string; msg: string; sig: string }
const file = new URL('../../../vectors/rfc8032/ed25519.json', import.meta.url)
const vectors = JSON.parse(await readFile(file, 'utf8')) as Vector[]

/** RFC 8410, 7: the seed in a PKCS#8 envelope. */
const pemOf = (seed: string) => {
  const der = Buffer.concat([hex('302e020100300506032b657004220420'), hex(seed)])
  return `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`
}

for (const [i, { seed, pub, msg, sig }] of vectors.entries()) {
  test(`RFC 8032, 7.1, test ${i + 1}: the key in its file signs as published, and the signature verifies`, async () => {
    await using dir = await temporary()
    const path = join(dir.path, 'key.pem')
    await writeFile(path, pemOf(seed))
    const signer = await loadOrCreateSigner(path, systemDisk)
    assert.equal(signer.publicKey.toHex(), pub)
    assert.equal(signer.keyId, keyIdOf(hex(pub)))
    assert.equal(Buffer.from(signer.sign(hex(msg))).toString('hex'), sig)
    assert.ok(verifyEd25519(hex(pub), hex(msg), hex(sig)))
  })
}

test('no flipped bit in key, message or signature verifies', () => {
  const { pub, msg, sig } = vectors[1] as Vector
  const parts = { publicKey: hex(pub), message: hex(msg), signature: hex(sig) }
  for (const part of Object.values(parts)) {
    for (let bit = 0; bit < part.length * 8; bit += 1) {
      const at = bit >> 3
      part[at] = (part[at] as number) ^ (1 << (bit & 7))
      assert.equal(verifyEd25519(parts.publicKey, parts.message, parts.signature), false)
      part[at] = (part[at] as number) ^ (1 << (bit & 7))
    }
  }
  assert.ok(verifyEd25519(parts.publicKey, parts.message, parts.signature))
})

test('a signature has one form: S must be reduced (RFC 8032, 5.1.7), lengths must be right', () => {
  const { pub, msg, sig } = vectors[1] as Vector
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const littleEndian = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
  const s = littleEndian(hex(sig).subarray(32)) + order
  const grown = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
  assert.equal(verifyEd25519(hex(pub), hex(msg), Buffer.concat([hex(sig).subarray(0, 32), grown])), false)
  assert.equal(verifyEd25519(hex(pub), hex(msg), hex(sig).subarray(1)), false)
  assert.equal(verifyEd25519(hex(pub).subarray(1), hex(msg), hex(sig)), false)
  assert.equal(verifyEd25519(new Uint8Array(0), hex(msg), new Uint8Array(0)), false)
})

// Every encoding of a point whose order divides 8: y, with and without the sign bit, also as y + p where that fits.
const smallOrderKeys = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
].flatMap((y) => [y, y.slice(0, 62) + (Number.parseInt(y.slice(62), 16) | 0x80).toString(16)])

test('keys of small order, under which anybody can sign, are refused at registration and at verification', () => {
  const message = Buffer.from('anything')
  // R = the neutral element, S = 0: by the equation alone, the neutral element as a key has signed every message so.
  const forged = hex(`01${'00'.repeat(63)}`)
  for (const key of smallOrderKeys) {
    assert.throws(() => checkPublicKey(hex(key), 'registering'), { code: 'KEY_WEAK', kind: 'denied' }, key)
    assert.equal(verifyEd25519(hex(key), message, forged), false, key)
  }
  assert.throws(() => checkPublicKey(new Uint8Array(31), 'registering'), { code: 'KEY_WEAK' })
  const { publicKey } = generateSigner()
  assert.equal(checkPublicKey(publicKey, 'registering'), publicKey)
})

test('a key that is no point verifies nothing', () => {
  assert.equal(verifyEd25519(hex(`02${'00'.repeat(31)}`), new Uint8Array(1), new Uint8Array(64)), false)
})

test('a key is made once, for its owner alone, and then found again', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'key.pem')
  const made = await loadOrCreateSigner(path, systemDisk)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const found = await loadOrCreateSigner(path, systemDisk)
  assert.equal(found.keyId, made.keyId)
  const pem = await readFile(path, 'utf8')
  assert.match(pem, /^-----BEGIN PRIVATE KEY-----/)
  const message = Buffer.from('hello')
  assert.ok(verifyEd25519(made.publicKey, message, sign(null, message, createPrivateKey(pem))))
})

test('a key file that holds something else is never replaced', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'key.pem')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey
  const encrypted = generateKeyPairSync('ed25519').privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'x',
  })
  const others = ['', 'no key', rsa.export({ type: 'pkcs8', format: 'pem' }), pemOf('00'.repeat(31)), encrypted]
  for (const content of others) {
    await writeFile(path, content)
    await assert.rejects(loadOrCreateSigner(path, systemDisk), { code: 'KEY_UNREADABLE', kind: 'fatal' })
    assert.equal(await readFile(path, 'utf8'), content.toString())
  }
  await assert.rejects(loadOrCreateSigner(dir.path, systemDisk), { code: 'KEY_UNREADABLE', received: '"EISDIR"' })
})

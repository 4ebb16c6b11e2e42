// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { opensslVerifies } from '../../test/openssl.ts'
import { endAllSessions, makeToken, noSofthsm, softhsmModule } from '../../test/softhsm.ts'
import type { AuditAlgorithm } from './algorithms.ts'
import { preparePkcs11 } from './pkcs11.ts'
import { auditMessageBytesMax } from './signer.ts'

const why = noSofthsm()
if (why !== undefined) console.log(`PKCS#11 IS NOT TESTED: ${why}`)

describe('SIG-2 PKCS#11', { skip: why ?? false }, async () => {
  if (why !== undefined) return
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-hsm-'))
  const { pinFile } = makeToken(dir.path, 'sealwatch test')
  after(() => dir.remove())
  const { signal } = new AbortController()
  const message = Buffer.from('the original message')
  const basis = { module: softhsmModule, token: { label: 'sealwatch test' }, pinFile, required: true } as const
  const open = async (key: string, algorithm: AuditAlgorithm, over: object = {}) =>
    (await preparePkcs11({ ...basis, key, algorithm, clock: systemClock, ...over }))(signal)

  for (const [label, algorithm] of [
    ['rsa', 'rsa-sha256'],
    ['ed25519', 'ed25519'],
  ] as const) {
    test(`${algorithm}: openssl verifies over the original message; hashed once more, it does not`, async () => {
      const signer = await open(label, algorithm)
      assert.equal(signer.location, `pkcs11:token=sealwatch%20test;object=${label}`)
      assert.equal(signer.keyId, hash('sha256', signer.publicKey as Uint8Array, 'hex'))
      const holds = (signature: Uint8Array) =>
        opensslVerifies(dir.path, algorithm, signer.publicKey as Uint8Array, message, signature)
      assert.ok(holds(await signer.sign(message, signal)))
      assert.equal(holds(await signer.sign(hash('sha256', message, 'buffer'), signal)), false)
      const longest = new Uint8Array(auditMessageBytesMax)
      assert.ok(await signer.verify(longest, await signer.sign(longest, signal), signal))
      assert.equal(await signer.verify(message, await signer.sign(longest, signal), signal), false)
      await signer.probe(signal)
      await signer.close()
    })
  }

  test('rsa-sha256: a digest gives the signature of its message', async () => {
    const signer = await open('rsa', 'rsa-sha256')
    const signature = (await signer.signDigest?.(hash('sha256', message, 'buffer'), signal)) as Uint8Array
    assert.ok(opensslVerifies(dir.path, 'rsa-sha256', signer.publicKey as Uint8Array, message, signature))
    await signer.close()
  })

  test('hmac-sha256: the token verifies what it signed, and the secret stays in it', async () => {
    const signer = await open('hmac', 'hmac-sha256')
    const tag = await signer.sign(message, signal)
    assert.equal(tag.length, 32)
    assert.equal(signer.publicKey, undefined)
    assert.ok(await signer.verify(message, tag, signal))
    assert.equal(await signer.verify(Buffer.from('another'), tag, signal), false)
    const again = await open('hmac', 'hmac-sha256')
    assert.equal(again.keyId, signer.keyId)
    await again.close()
    await signer.close()
  })

  test('many at once are signed one after the other, each over its own message', async () => {
    const signer = await open('ed25519', 'ed25519')
    const messages = Array.from({ length: 50 }, (_, i) => Buffer.from(`message ${i}`))
    const signatures = await Promise.all(messages.map((each) => signer.sign(each, signal)))
    for (const [i, signature] of signatures.entries())
      assert.ok(await signer.verify(messages[i] as Buffer, signature, signal))
    await signer.close()
  })

  test('a session that the token has ended is begun anew: one signature is late, and no other', async () => {
    const signer = await open('ed25519', 'ed25519')
    endAllSessions()
    await assert.rejects(signer.sign(message, signal), { code: 'SIGNER_UNAVAILABLE', received: /CKR_/ })
    assert.ok(await signer.verify(message, await signer.sign(message, signal), signal))
    await signer.close()
  })

  test('a wrong label, a key that is there twice, a wrong PIN and a wrong path say what is wrong', async () => {
    await assert.rejects(open('absent', 'ed25519'), { code: 'SIGNER_REFUSED', received: /no object/ })
    await assert.rejects(open('twice', 'ed25519'), { code: 'SIGNER_REFUSED', received: /more than one object/ })
    await assert.rejects(open('rsa', 'ed25519'), { code: /SIGNER_/ })
    const other = { token: { label: 'another token' } }
    await assert.rejects(open('rsa', 'rsa-sha256', other), { code: 'SIGNER_UNAVAILABLE', received: /0 of/ })
    const wrongPin = join(dir.path, 'wrong-pin')
    await writeFile(wrongPin, '000000', { mode: 0o600 })
    await assert.rejects(open('rsa', 'rsa-sha256', { pinFile: wrongPin }), (error: Error & { code: string }) => {
      assert.equal(error.code, 'SIGNER_REFUSED')
      assert.match(error.message, /CKR_PIN_INCORRECT/)
      assert.doesNotMatch(error.message, /000000/)
      return true
    })
    const absent = { module: '/nonexistent/module.so' }
    await assert.rejects(open('rsa', 'rsa-sha256', absent), { code: 'SIGNER_MODULE', advice: /tools\/setup pkcs11/ })
  })
})

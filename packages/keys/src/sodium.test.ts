// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { generateSigner, verifyByOpenSsl } from './ed25519.ts'
import { openSodium, type VerifyRaw } from './sodium.ts'

const bySodium = openSodium() as VerifyRaw
const littleEndian = (bytes: Uint8Array) => BigInt(`0x${Uint8Array.from(bytes).reverse().toHex()}`)
const flipped = (bytes: Uint8Array, bit: number) => {
  const other = Uint8Array.from(bytes)
  other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7))
  return other
}

test('libsodium is installed, and says of signatures, keys and messages that were altered what OpenSSL says', () => {
  const { publicKey, sign } = generateSigner()
  for (let bit = 0; bit < 256; bit += 1) {
    const message = randomBytes(bit)
    const signature = sign(message)
    const cases: Parameters<VerifyRaw>[] = [
      [publicKey, message, signature],
      [publicKey, Buffer.concat([message, Buffer.of(0)]), signature],
      [flipped(publicKey, bit), message, signature],
      [publicKey, message, flipped(signature, bit)],
      [publicKey, message, flipped(signature, 256 + bit)],
    ]
    const verdicts = cases.map((each) => bySodium(...each))
    assert.deepEqual(verdicts, [true, false, false, false, false])
    assert.deepEqual(
      cases.map((each) => verifyByOpenSsl(...each)),
      verdicts,
    )
  }
})

test('what is no part of a larger memory alone is verified where it lies', () => {
  const { publicKey, sign } = generateSigner()
  const message = Buffer.from('a head')
  const around = Buffer.concat([Buffer.alloc(3, 1), publicKey, sign(message), message, Buffer.alloc(3, 1)])
  assert.ok(bySodium(around.subarray(3, 35), around.subarray(99, 105), around.subarray(35, 99)))
  assert.ok(!bySodium(around.subarray(3, 35), around.subarray(99, 106), around.subarray(35, 99)))
})

test('it is not taken where it is missing, or is another library', () => {
  assert.equal(openSodium('libnothing.so.1'), undefined)
  assert.equal(openSodium('libc.so.6'), undefined)
})

test('a signature without a secret of its own, from which anybody could compute the key, is refused by both', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32)
  const message = Buffer.from('a head')
  // RFC 8032, 5.1.6, with r = 0: R is the neutral element, and S = k * s.
  const r = Buffer.concat([Buffer.of(1), Buffer.alloc(31)])
  const clamped = hash('sha512', seed, 'buffer').subarray(0, 32)
  clamped[0] = (clamped[0] as number) & 248
  clamped[31] = ((clamped[31] as number) & 63) | 64
  const k = littleEndian(hash('sha512', Buffer.concat([r, raw, message]), 'buffer'))
  const s = (k * littleEndian(clamped)) % (2n ** 252n + 27742317777372353535851937790883648493n)
  const signature = Buffer.concat([r, Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()])
  assert.ok(!verifyByOpenSsl(raw, message, signature))
  assert.ok(!bySodium(raw, message, signature))
})

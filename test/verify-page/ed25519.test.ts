// SPDX-License-Identifier: Apache-2.0
// What the page believes, the command line believes: signatures made to have noble and OpenSSL disagree.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ed25519 } from '@noble/curves/ed25519.js'
import { verifyEd25519 as byCommandLine } from '@sealwatch/keys'
import { verifyEd25519 as byPage } from '../../apps/verify-page/src/model/ed25519.ts'

const { Point } = ed25519
const order = Point.CURVE().n
type P = InstanceType<typeof Point>
const littleEndian = (n: bigint) => Uint8Array.fromHex(n.toString(16).padStart(64, '0')).reverse()
const numberOf = (bytes: Uint8Array) => BigInt(`0x${bytes.toReversed().toHex()}`)

const { scalar, point: honestKey } = ed25519.utils.getExtendedPublicKey(new Uint8Array(32).fill(7))
/** Of order 8. */
const torsion = Point.fromBytes(Uint8Array.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'))
const nonce = 123456789n

/** S = r + k a for whatever R and A are shown as. */
function signed(message: Uint8Array, key: Uint8Array, nonceBytes: Uint8Array, r: bigint) {
  const k = numberOf(createHash('sha512').update(nonceBytes).update(key).update(message).digest()) % order
  return { k, signature: Buffer.concat([nonceBytes, littleEndian((r + k * scalar) % order)]) }
}

const bothSay = (key: Uint8Array, message: Uint8Array, signature: Uint8Array) => [
  byPage(key, message, signature),
  byCommandLine(key, message, signature),
]
const messages = Array.from({ length: 40 }, (_, i) => Buffer.from(`message ${i}`))
const honest = honestKey.toBytes()
const bytesOf = (point: P) => point.toBytes()

test('an honest signature, made by hand, is believed by both', () => {
  for (const message of messages.slice(0, 3)) {
    const { signature } = signed(message, honest, bytesOf(Point.BASE.multiply(nonce)), nonce)
    assert.deepEqual(bothSay(honest, message, signature), [true, true])
  }
})

test('a nonce that is neutral, in either encoding, or has a part of small order, is believed by neither', () => {
  const [message = assert.fail()] = messages
  const mixed = bytesOf(Point.BASE.multiply(nonce).add(torsion))
  assert.deepEqual(bothSay(honest, message, signed(message, honest, mixed, nonce).signature), [false, false])
  const neutral = bytesOf(Point.ZERO)
  assert.deepEqual(bothSay(honest, message, signed(message, honest, neutral, 0n).signature), [false, false])
  const neutralAgain = Uint8Array.fromHex(`ee${'ff'.repeat(30)}7f`)
  assert.deepEqual(bothSay(honest, message, signed(message, honest, neutralAgain, 0n).signature), [false, false])
})

test('under a key with a part of small order the page believes nothing, the command line some', () => {
  const key = bytesOf(honestKey.add(torsion))
  const nonceBytes = bytesOf(Point.BASE.multiply(nonce))
  const said = messages.map((message) => {
    const { k, signature } = signed(message, key, nonceBytes, nonce)
    const [page, commandLine] = bothSay(key, message, signature)
    assert.deepEqual([page, commandLine], [false, k % 8n === 0n])
    return commandLine
  })
  assert.ok(said.includes(true) && said.includes(false))
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { createRsaChecks } from './rsa.ts'

const keyOf = (modulusLength: number) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength })
  return { privateKey, spki: publicKey.export({ type: 'spki', format: 'der' }) }
}
const key = keyOf(2048)
const message = Buffer.from('{"n":1}\n')
const signature = sign('sha256', message, key.privateKey)

/** What the first of these is that does not hold. */
async function firstWrong(asked: readonly [Uint8Array, Uint8Array, Uint8Array][]): Promise<number | undefined> {
  let name = 0
  const checks = createRsaChecks(() => name)
  for (const [i, one] of asked.entries()) {
    name = i
    assert.equal(checks.verify?.(...one), true)
    await checks.room()
  }
  return checks.settled()
}

test('ING-2 RSA signatures are checked by the browser, as the command line checks them', async () => {
  const right: [Uint8Array, Uint8Array, Uint8Array] = [key.spki, message, signature]
  assert.equal(await firstWrong([]), undefined)
  assert.equal(await firstWrong(Array.from({ length: 600 }, () => right)), undefined)
  const weak = keyOf(1024)
  const wrong: [string, Uint8Array, Uint8Array, Uint8Array][] = [
    ['another message', key.spki, Buffer.from('{"n":2}\n'), signature],
    ['another signature', key.spki, message, Buffer.alloc(256)],
    ['no signature', key.spki, message, Buffer.alloc(0)],
    ['another key', keyOf(2048).spki, message, signature],
    ['no key', Buffer.from('no key'), message, signature],
    ['a short key', weak.spki, message, sign('sha256', message, weak.privateKey)],
    ['PSS', key.spki, message, sign('sha256', message, { key: key.privateKey, padding: 6 })],
  ]
  for (const [what, ...asked] of wrong) assert.equal(await firstWrong([right, asked, asked, right]), 1, what)
})

test('where there is no WebCrypto nobody says that a signature holds', () => {
  assert.equal(createRsaChecks(() => 0, {} as Crypto).verify, undefined)
})

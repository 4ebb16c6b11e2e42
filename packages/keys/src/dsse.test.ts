// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Json } from '@sealwatch/base'
import { type DsseVerifier, openDsse, parseDsse, preAuthEncoding } from './dsse.ts'
import { generateSigner, verifyEd25519 } from './ed25519.ts'

type Vector = {
  payloadType: string
  payload_utf8: string
  pae_utf8: string
  x: string
  y: string
  envelope: { payload: string; payloadType: string; signatures: { keyid: string; sig: string }[] }
}
const file = new URL('../../../vectors/dsse/vector.json', import.meta.url)
const vector = JSON.parse(await readFile(file, 'utf8')) as Vector

const coordinate = (decimal: string) =>
  Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url')

test('DSSE 1.0: the published vector encodes and verifies as published', () => {
  const payload = Buffer.from(vector.payload_utf8)
  assert.equal(Buffer.from(preAuthEncoding(vector.payloadType, payload)).toString(), vector.pae_utf8)
  const key = createPublicKey({
    key: { kty: 'EC', crv: 'P-256', x: coordinate(vector.x), y: coordinate(vector.y) },
    format: 'jwk',
  })
  const verifier: DsseVerifier = {
    keyid: '66301bbf',
    verify: (message, signature) => verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature),
  }
  const envelope = parseDsse(vector.envelope, 'reading')
  assert.equal(
    Buffer.from(openDsse(envelope, vector.payloadType, [verifier], 'reading').payload).toString(),
    'hello world',
  )
  assert.throws(() => openDsse(envelope, 'http://example.com/Other', [verifier], 'reading'), {
    code: 'DSSE_UNVERIFIED',
  })
})

const type = 'application/vnd.example+json'
const signer = generateSigner()
const payload = Buffer.from('{"a":1}')
const sig = Buffer.from(signer.sign(preAuthEncoding(type, payload))).toString('base64')
const good = { payload: payload.toString('base64'), payloadType: type, signatures: [{ keyid: signer.keyId, sig }] }
const verifier: DsseVerifier = {
  keyid: signer.keyId,
  verify: (message, signature) => verifyEd25519(signer.publicKey, message, signature),
}

test('signatures by strangers and wrong ones are passed over; a payload that nobody trusted signed is not', () => {
  const stranger = generateSigner()
  const foreign = { keyid: stranger.keyId, sig }
  const open = (signatures: readonly Json[]) =>
    openDsse(parseDsse({ ...good, signatures }, 'reading'), type, [verifier], 'reading').signers
  assert.deepEqual(open([foreign, ...good.signatures]), [signer.keyId])
  assert.throws(() => open([foreign]), { code: 'DSSE_UNVERIFIED' })
  assert.throws(() => open([{ keyid: signer.keyId, sig: Buffer.alloc(64).toString('base64') }]), {
    code: 'DSSE_UNVERIFIED',
  })
})

const malformed: Record<string, Json> = {
  'no object': [],
  'another member': { ...good, extra: 1 },
  'no payload': { payloadType: type, signatures: good.signatures },
  'a payload in another alphabet': { ...good, payload: '_-8=' },
  'an empty type': { ...good, payloadType: '' },
  'no signature': { ...good, signatures: [] },
  'seventeen signatures': { ...good, signatures: Array.from({ length: 17 }, () => good.signatures[0] as Json) },
  'a signature with another member': { ...good, signatures: [{ ...good.signatures[0], cert: '' }] },
  'a signature without keyid': { ...good, signatures: [{ sig }] },
}
for (const [name, value] of Object.entries(malformed)) {
  test(`an envelope with ${name} is refused`, () => {
    assert.throws(() => parseDsse(value, 'reading'), { code: 'DSSE_MALFORMED' })
  })
}

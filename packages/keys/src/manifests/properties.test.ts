// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSealwatchError, parseRfc3339 } from '@sealwatch/base'
import fc from 'fast-check'
import { makeTestKey, rootOf, signedBy, signedRoot, type TestKey } from '../../test/manifest-keys.ts'
import type { DsseSignature } from '../dsse.ts'
import { manifestCrypto as crypto } from '../manifest-crypto.ts'
import { isReached } from './count.ts'
import { encodeManifest, judgeManifest, type Manifest, manifestType, openManifest } from './manifest.ts'
import { identityOf } from './public-keys.ts'
import { openFirstRoot, openNextRoot, type TrustedRoot } from './root-chain.ts'
import { trustRootType } from './trust-root.ts'

const attempted = 'judging'
const keys = Array.from({ length: 6 }, (_, i) => makeTestKey(i % 2 === 0 ? 'ed25519' : 'rsa-sha256'))
const five = keys.slice(0, 5)

const firstRoot = (threshold: number): TrustedRoot =>
  openFirstRoot(signedRoot(rootOf(1, five, threshold), five), crypto, { attempted })

const manifest: Manifest = {
  type: 'manifest',
  action: 'strict-off',
  subject: 'acme',
  digest: 'ab'.repeat(32),
  created: '2026-11-22T00:00:00.000000000Z',
  expires: '2026-11-23T00:00:00.000000000Z',
  nonce: '00'.repeat(16),
  deployment: 'sealwatch-00000001',
}
const payload = encodeManifest(manifest)
const judging = (root: TrustedRoot) => ({
  root,
  deployment: manifest.deployment,
  nowNs: parseRfc3339('2026-11-22T06:00:00.000000000Z') as bigint,
})
const good = signedBy(manifestType, payload, keys).signatures
const elsewhere = signedBy(trustRootType, payload, keys).signatures

/** Whatever may be in an envelope: right ones, those of others, under wrong ids, over something else, altered. */
const anySignature = fc.oneof(
  fc.nat(5).map((i) => ({ made: good[i] as DsseSignature, counts: i < 5 ? i : undefined })),
  fc.nat(5).map((i) => ({ made: elsewhere[i] as DsseSignature, counts: undefined })),
  fc.tuple(fc.nat(5), fc.nat(5)).map(([i, j]) => ({
    made: { keyid: (keys[i] as TestKey).keyid, sig: (good[j] as DsseSignature).sig },
    counts: i === j && i < 5 ? i : undefined,
  })),
  fc.tuple(fc.nat(4), fc.nat(63)).map(([i, at]) => {
    const bytes = Uint8Array.fromBase64((good[i] as DsseSignature).sig)
    bytes[at] = (bytes[at] as number) ^ 1
    return { made: { keyid: (keys[i] as TestKey).keyid, sig: bytes.toBase64() }, counts: undefined }
  }),
)

test('SIG-5: a manifest counts exactly when distinct keys of the role reach the threshold of the root', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 5 }),
      fc.array(anySignature, { minLength: 1, maxLength: 16 }),
      (n, signatures) => {
        const envelope = {
          payload: payload.toBase64(),
          payloadType: manifestType,
          signatures: signatures.map(({ made }) => made),
        }
        const distinct = new Set(signatures.flatMap(({ counts }) => (counts === undefined ? [] : [counts])))
        const root = firstRoot(n)
        const { count } = judgeManifest(envelope, judging(root), crypto, attempted)
        assert.equal(count.signers.length, distinct.size)
        assert.equal(count.signers.length + count.passedOver.length, signatures.length)
        assert.equal(isReached(count), distinct.size >= n)
        const open = () => openManifest(envelope, judging(root), crypto, attempted)
        if (distinct.size >= n) assert.equal(open().proof.signatures.length, distinct.size)
        else assert.throws(open, { code: 'MANIFEST_UNVERIFIED' })
      },
    ),
    { numRuns: 150 },
  )
})

test('SIG-5: the next root needs the thresholds of both, whoever of both signs', () => {
  const members = fc.uniqueArray(fc.nat(5), { minLength: 2, maxLength: 6 })
  fc.assert(
    fc.property(members, fc.nat(4), fc.uniqueArray(fc.nat(5), { minLength: 1 }), (inNext, more, by) => {
      const threshold = 2 + (more % (inNext.length - 1))
      const now = firstRoot(3)
      const next = rootOf(
        2,
        inNext.map((i) => keys[i] as TestKey),
        threshold,
      )
      const envelope = signedRoot(
        next,
        by.map((i) => keys[i] as TestKey),
      )
      const isSigned = by.filter((i) => i < 5).length >= 3 && by.filter((i) => inNext.includes(i)).length >= threshold
      const open = () => openNextRoot(now, envelope, crypto, attempted)
      if (isSigned) assert.equal(open().root.version, 2)
      else assert.throws(open, { code: 'TRUST_ROOT_UNVERIFIED' })
    }),
    { numRuns: 100 },
  )
})

test('SIG-5: of a signed manifest no byte can be changed; whatever comes in its place ends in an error of ours', () => {
  const root = firstRoot(3)
  fc.assert(
    fc.property(fc.nat(payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const altered = payload.slice()
      altered[at] = (altered[at] as number) ^ change
      const envelope = { payload: altered.toBase64(), payloadType: manifestType, signatures: good.slice(0, 5) }
      assert.throws(() => openManifest(envelope, judging(root), crypto, attempted), isSealwatchError)
    }),
    { numRuns: 300 },
  )
})

test('SIG-5: a public key has one encoding: whatever is changed in it is no key, or another one', () => {
  fc.assert(
    fc.property(fc.nat(1), fc.nat(400), fc.integer({ min: 1, max: 255 }), (which, at, change) => {
      const { spki, algorithm } = keys[which] as TestKey
      const altered = spki.slice()
      altered[at % spki.length] = (altered[at % spki.length] as number) ^ change
      const identity = identityOf(algorithm, altered)
      // Another exponent of the same modulus is the same key.
      const isExponent = algorithm === 'rsa-sha256' && at % spki.length >= spki.length - 3
      if (!isExponent) assert.notEqual(identity, identityOf(algorithm, spki))
      assert.equal(identityOf(algorithm, Buffer.concat([spki, Buffer.from([0])])), undefined)
    }),
    { numRuns: 500 },
  )
})

test('SIG-5: a key signs for its own role alone', () => {
  const roleOf = (members: readonly TestKey[]) => ({ keyids: members.map(({ keyid }) => keyid), threshold: 3 })
  const root = { ...rootOf(1, five, 3), roles: { critical: roleOf(keys.slice(0, 3)), root: roleOf(keys.slice(2, 5)) } }
  const open = (by: readonly TestKey[]) => openFirstRoot(signedRoot(root, by), crypto, { attempted })
  assert.throws(() => open(keys.slice(0, 4)), { code: 'TRUST_ROOT_UNVERIFIED', received: /2 .*unknown signer/ })
  const now = judging(open(keys.slice(2, 5)))
  const envelope = (by: readonly TestKey[]) => signedBy(manifestType, payload, by)
  assert.throws(() => openManifest(envelope(keys.slice(2, 5)), now, crypto, attempted), { code: 'MANIFEST_UNVERIFIED' })
  assert.equal(openManifest(envelope(five), now, crypto, attempted).proof.signatures.length, 3)
})

test('SIG-5: an RSA key with the exponent 1, or an even one, is none: it signs nothing, or anything', () => {
  const { spki } = keys[1] as TestKey
  assert.equal(Buffer.from(spki.subarray(-5)).toString('hex'), '0203010001')
  const withExponent = (hex: string) => {
    const cut = Buffer.from(`02${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`, 'hex')
    const less = 5 - cut.length
    const altered = Buffer.concat([spki.subarray(0, -5), cut])
    // Three lengths of two octets go around it: of the whole, of the bit string, and of the pair within.
    for (const at of [2, 21, 26]) altered.writeUInt16BE(altered.readUInt16BE(at) - less, at)
    return altered
  }
  assert.ok(identityOf('rsa-sha256', withExponent('03')))
  for (const hex of ['01', '04', '010000', '00', '80', '0003'])
    assert.equal(identityOf('rsa-sha256', withExponent(hex)), undefined, hex)
})

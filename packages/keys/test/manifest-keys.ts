// SPDX-License-Identifier: Apache-2.0
// Keys, roots and manifests of tests, signed as node signs.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type DsseEnvelope, preAuthEncoding } from '../src/dsse.ts'
import { encodeManifest, type Manifest, manifestType } from '../src/manifests/manifest.ts'
import type { ManifestAlgorithm } from '../src/manifests/public-keys.ts'
import { encodeTrustRoot, type TrustRoot, trustRootType } from '../src/manifests/trust-root.ts'
import { auditKeyId } from '../src/signers/index.ts'

export type TestKey = {
  readonly algorithm: ManifestAlgorithm
  readonly keyid: string
  readonly spki: Uint8Array
  readonly privateKey: KeyObject
}

export function makeTestKey(algorithm: ManifestAlgorithm): TestKey {
  const { privateKey, publicKey } =
    algorithm === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  return { algorithm, keyid: auditKeyId(spki), spki, privateKey }
}

/** Both roles are of all members. */
export function rootOf(
  version: number,
  members: readonly Pick<TestKey, 'algorithm' | 'keyid' | 'spki'>[],
  threshold: number,
  expires = '2036-01-01T00:00:00.000000000Z',
): TrustRoot {
  const role = { keyids: members.map(({ keyid }) => keyid), threshold }
  const rows = members.map(({ keyid, algorithm, spki }) => [
    keyid,
    { algorithm, owner: `owner of ${keyid.slice(0, 8)}`, public_key: spki.toBase64() },
  ])
  return { type: 'root', version, expires, keys: Object.fromEntries(rows), roles: { critical: role, root: role } }
}

export function signedBy(payloadType: string, payload: Uint8Array, keys: readonly TestKey[]): DsseEnvelope {
  const message = preAuthEncoding(payloadType, payload)
  const signatures = keys.map(({ algorithm, keyid, privateKey }) => ({
    keyid,
    sig: sign(algorithm === 'ed25519' ? null : 'sha256', message, privateKey).toString('base64'),
  }))
  return { payload: payload.toBase64(), payloadType, signatures }
}

export const signedRoot = (root: TrustRoot, keys: readonly TestKey[]): DsseEnvelope =>
  signedBy(trustRootType, encodeTrustRoot(root), keys)

export const signedManifest = (manifest: Manifest, keys: readonly TestKey[]): DsseEnvelope =>
  signedBy(manifestType, encodeManifest(manifest), keys)

// SPDX-License-Identifier: Apache-2.0
// Who has signed: distinct public keys of a role, by the trust root alone (trust-root.md, 3). No node: imports.

import { decodeBase64 } from '@sealwatch/base/base64'
import { type DsseEnvelope, type DsseSignature, preAuthEncoding } from '../dsse.ts'
import type { ManifestCrypto } from './signed-text.ts'
import type { RootKey, TrustRole, TrustRoot } from './trust-root.ts'

export type SignatureFault = 'unknown signer' | 'signed twice' | 'signature does not hold'
export type Signer = { readonly keyid: string; readonly owner: string }
export type Count = {
  readonly threshold: number
  /** Of distinct keys, in the order of the envelope. */
  readonly signers: readonly (Signer & { readonly sig: string })[]
  readonly passedOver: readonly { readonly keyid: string; readonly fault: SignatureFault }[]
}

/** Envelope and payload are of one type, which the caller has checked. */
export function countSigners(
  envelope: DsseEnvelope,
  root: TrustRoot,
  role: TrustRole,
  { verify }: Pick<ManifestCrypto, 'verify'>,
): Count {
  const { keyids, threshold } = root.roles[role]
  const message = preAuthEncoding(envelope.payloadType, bytesOf(envelope.payload))
  const signers: Count['signers'][number][] = []
  const passedOver: Count['passedOver'][number][] = []
  for (const { keyid, sig } of envelope.signatures) {
    const key = keyids.includes(keyid) ? root.keys[keyid] : undefined
    const fault = faultOf(keyid, key, sig)
    if (fault !== undefined) passedOver.push({ keyid, fault })
    else signers.push({ keyid, owner: (key as RootKey).owner, sig })
  }
  return { threshold, signers, passedOver }

  function faultOf(keyid: string, key: RootKey | undefined, sig: string): SignatureFault | undefined {
    if (key === undefined) return 'unknown signer'
    if (signers.some((one) => one.keyid === keyid)) return 'signed twice'
    return verify(key.algorithm, bytesOf(key.public_key), message, bytesOf(sig)) ? undefined : 'signature does not hold'
  }
}

/** Both were checked when they were parsed. */
const bytesOf = (base64: string) => decodeBase64(base64) ?? new Uint8Array()

export const isReached = ({ signers, threshold }: Count): boolean => signers.length >= threshold

/** For an error: how many there are, and why the others do not count. */
export function toldCount({ signers, threshold, passedOver }: Count, role: TrustRole): string {
  const others = passedOver.map(({ keyid, fault }) => `; ${keyid.slice(0, 16)}: ${fault}`)
  const owners = signers.length === 0 ? '' : ` (${signers.map(({ owner }) => owner).join(', ')})`
  return `${signers.length}${owners} of ${threshold} signers of the role ${role}${others.join('')}`
}

/** The view of an envelope that others know (SIG-5). The threshold is the root's. */
export type Proof = {
  /** SHA-256 of what was signed, the pre-authentication encoding. */
  readonly digestHex: string
  readonly signatures: readonly (Signer & { readonly sig: string })[]
  readonly threshold: number
}

export const digestHexOf = ({ payloadType, payload }: DsseEnvelope, { sha256 }: Pick<ManifestCrypto, 'sha256'>) =>
  sha256(preAuthEncoding(payloadType, bytesOf(payload))).toHex()

export const proofOf = (envelope: DsseEnvelope, { signers, threshold }: Count, crypto: ManifestCrypto): Proof => ({
  digestHex: digestHexOf(envelope, crypto),
  signatures: signers,
  threshold,
})

/** The signatures of several copies of one envelope, each once; undefined: they are of different ones. */
export function joinEnvelopes(envelopes: readonly [DsseEnvelope, ...DsseEnvelope[]]): DsseEnvelope | undefined {
  const [{ payload, payloadType }] = envelopes
  if (envelopes.some((one) => one.payload !== payload || one.payloadType !== payloadType)) return undefined
  const distinct = new Map<string, DsseSignature>()
  for (const signature of envelopes.flatMap(({ signatures }) => signatures))
    distinct.set(`${signature.keyid} ${signature.sig}`, signature)
  return { payload, payloadType, signatures: [...distinct.values()] }
}

// SPDX-License-Identifier: Apache-2.0

import { createHmac, createPublicKey, hash, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto'
import { checkPublicKey } from '../ed25519.ts'
import { signerError } from './errors.ts'

type Row = {
  /** As node names the type of the key object. */
  readonly keyType: 'secret' | 'rsa' | 'ed25519'
  sign(key: KeyObject, message: Uint8Array): Uint8Array
  verify(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean
}

const tag = (key: KeyObject, message: Uint8Array) => createHmac('sha256', key).update(message).digest()

/** SIG-1: each hashes the message once, itself. */
const rows = {
  'hmac-sha256': {
    keyType: 'secret',
    sign: tag,
    verify: (key, message, signature) => signature.length === 32 && timingSafeEqual(tag(key, message), signature),
  },
  // RSASSA-PKCS1-v1_5 (RFC 8017, 8.2), which is node's default padding.
  'rsa-sha256': {
    keyType: 'rsa',
    sign: (key, message) => sign('sha256', message, key),
    verify: (key, message, signature) => verify('sha256', message, key, signature),
  },
  ed25519: {
    keyType: 'ed25519',
    sign: (key, message) => sign(null, message, key),
    verify: (key, message, signature) => signature.length === 64 && verify(null, message, key, signature),
  },
} as const satisfies Record<string, Row>

export type AuditAlgorithm = keyof typeof rows
export type AlgorithmRow = Row & { readonly name: AuditAlgorithm }

export const auditAlgorithms = Object.keys(rows) as AuditAlgorithm[]
export const algorithmRow = (name: AuditAlgorithm): AlgorithmRow => ({ name, ...rows[name] })

const rsaBits = { min: 2048, max: 8192 } as const

/** A public key that may be trusted with this algorithm, from its SPKI in DER. Throws SIGNER_KEY_UNFIT or KEY_WEAK. */
export function auditPublicKey(algorithm: AuditAlgorithm, spki: Uint8Array, attempted: string): KeyObject {
  const unfit = (received: string, cause?: unknown) => signerError('SIGNER_KEY_UNFIT', { attempted, received, cause })
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch (cause) {
    throw unfit(`${spki.length} bytes that are no public key`, cause)
  }
  checkKey(algorithm, key, attempted)
  // One key has one encoding, for its hash is its name.
  if (!key.export({ type: 'spki', format: 'der' }).equals(spki)) throw unfit('a public key in another encoding')
  return key
}

export function checkKey(algorithm: AuditAlgorithm, key: KeyObject, attempted: string): void {
  const type = key.type === 'secret' ? 'secret' : key.asymmetricKeyType
  const bits = key.asymmetricKeyDetails?.modulusLength
  const isFit = type === rows[algorithm].keyType && (bits === undefined || (bits >= rsaBits.min && bits <= rsaBits.max))
  if (!isFit) {
    const received = `${type}${bits === undefined ? '' : ` of ${bits} bits`}, for ${algorithm}`
    throw signerError('SIGNER_KEY_UNFIT', { attempted, received })
  }
  if (type === 'ed25519' && key.type === 'public')
    checkPublicKey(key.export({ type: 'spki', format: 'der' }).subarray(-32), attempted)
}

/** Hex SHA-256 of the SPKI in DER. */
export const auditKeyId = (spki: Uint8Array): string => hash('sha256', spki, 'hex')

/** RSASSA-PKCS1-v1_5 with SHA-256, by the key's SPKI in DER; what is no such key throws. */
export const verifyRsa = (spki: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  verifyAudit('rsa-sha256', spki, message, signature)

/** Verifies by the public key alone, without the keeper of the private one; what is no key of the algorithm throws. */
export function verifyAudit(
  algorithm: Exclude<AuditAlgorithm, 'hmac-sha256'>,
  spki: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return rows[algorithm].verify(auditPublicKey(algorithm, spki, 'verifying a signature'), message, signature)
}

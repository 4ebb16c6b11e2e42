// SPDX-License-Identifier: Apache-2.0

import type { AuditAlgorithm } from './algorithms.ts'
import { signerError } from './errors.ts'
import { digestBytes } from './rsa-digest.ts'

export type AuditBackend = 'aws-kms' | 'signing-proxy' | 'pkcs11' | 'file' | 'mock'

/**
 * The deployment's key, wherever it is kept (SIG-1, SIG-2). It signs whole messages, and what keeps the key hashes them
 * exactly once. Its time is not free: one signature an interval, never one an event (SIG-8).
 */
export type AuditSigner = {
  readonly backend: AuditBackend
  readonly algorithm: AuditAlgorithm
  /**
   * 64 hex digits that name the key itself, never an alias of it: SHA-256 of the public key (SPKI, DER); for
   * hmac-sha256 the tag over `hmacKeyIdText`, which shows nothing of the secret.
   */
  readonly keyId: string
  /** Where the key is kept, for people: a key ARN, a URL, a PKCS#11 URI, a path. No secret is part of it. */
  readonly location: string
  /** SPKI in DER; undefined for hmac-sha256, which nobody outside can verify: an internal seal, no evidence. */
  readonly publicKey: Uint8Array | undefined
  /**
   * The signature over the message: 1 to `auditMessageBytesMax` bytes. Verified before it is returned, where there is a
   * public key. Throws SIGNER_UNAVAILABLE, which may be tried again, SIGNER_REFUSED or SIGNER_FALSE.
   */
  sign(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /**
   * The same signature from the message's SHA-256 alone. Only rsa-sha256 can do so, and only where the keeper can:
   * whoever signs a digest cannot see what it signs.
   */
  signDigest?(digest: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** False when the signature does not hold; throws when that cannot be found out. */
  verify(message: Uint8Array, signature: Uint8Array, signal: AbortSignal): Promise<boolean>
  /** Resolves when the signer can sign now; throws what is wrong, and with whom. */
  probe(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** What AWS KMS signs whole (MessageType RAW). */
export const auditMessageBytesMax = 4096
export const hmacKeyIdText = 'sealwatch.dev/audit-key-id/v1\n'
/** What is signed to see whether a key signs; it says nothing. */
export const auditProbeText = 'sealwatch.dev/audit-probe/v1\n'

export function checkDigest(digest: Uint8Array, attempted: string): Uint8Array {
  if (digest.length !== digestBytes)
    throw signerError('SIGNER_MESSAGE', { attempted, received: `a digest of ${digest.length} bytes` })
  return digest
}

export function checkMessage(message: Uint8Array, attempted: string): Uint8Array {
  if (message.length === 0 || message.length > auditMessageBytesMax)
    throw signerError('SIGNER_MESSAGE', { attempted, received: `${message.length} bytes` })
  return message
}

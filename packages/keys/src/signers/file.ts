// SPDX-License-Identifier: Apache-2.0

import { createPublicKey, type KeyObject } from 'node:crypto'
import type { AuditAlgorithm } from './algorithms.ts'
import { algorithmRow, auditKeyId, checkKey } from './algorithms.ts'
import { signerError } from './errors.ts'
import { signDigestWith } from './rsa-digest.ts'
import {
  type AuditBackend,
  type AuditSigner,
  auditProbeText,
  checkDigest,
  checkMessage,
  hmacKeyIdText,
} from './signer.ts'

export type LocalKey = {
  readonly backend: Extract<AuditBackend, 'file' | 'mock'>
  readonly algorithm: AuditAlgorithm
  /** Private or secret. */
  readonly key: KeyObject
  readonly location: string
}

/** Signs with a key that this process holds; inside OpenSSL, not in the memory of JavaScript. */
export function localSigner({ backend, algorithm, key, location }: LocalKey): AuditSigner {
  const attempted = `signing with ${location}`
  checkKey(algorithm, key, `opening ${location}`)
  const row = algorithmRow(algorithm)
  const publicKey = row.keyType === 'secret' ? undefined : createPublicKey(key)
  const spki = publicKey?.export({ type: 'spki', format: 'der' })
  const keyId =
    spki === undefined ? Buffer.from(row.sign(key, Buffer.from(hmacKeyIdText))).toString('hex') : auditKeyId(spki)
  const signNow = (message: Uint8Array) => row.sign(key, checkMessage(message, attempted))
  const holds = (message: Uint8Array, signature: Uint8Array) => row.verify(publicKey ?? key, message, signature)
  return {
    backend,
    algorithm,
    keyId,
    location,
    publicKey: spki === undefined ? undefined : new Uint8Array(spki),
    sign: async (message) => signNow(message),
    ...(algorithm === 'rsa-sha256' && {
      signDigest: async (digest: Uint8Array) => signDigestWith(key, checkDigest(digest, attempted)),
    }),
    verify: async (message, signature) => holds(message, signature),
    probe: async () => {
      const message = Buffer.from(auditProbeText)
      if (!holds(message, signNow(message))) throw signerError('SIGNER_FALSE', { attempted: `probing ${location}` })
    },
    close: async () => undefined,
  }
}

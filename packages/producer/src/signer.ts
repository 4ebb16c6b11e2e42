// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { submissionIdForm, submissionLimits } from '@sealwatch/contract'
import { type AuditSigner, auditMessageBytesMax } from '@sealwatch/keys'
import { producerError } from './errors.ts'

/** Signs a service's rows; the public key stands in the tenant's registry under `keyId`. */
export type RowSigner = {
  readonly keyId: string
  readonly algorithm: 'ed25519' | 'rsa-sha256'
  /** The forwarder puts no more than that under one signature. */
  readonly messageBytesMax: number
  sign(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
}

/** The name of a DSSE payload's type stands before it in what is signed. */
const envelopeBytes = 2048

/** Signs with a private key that this process holds. Throws PRODUCER_KEY. */
export function keySigner(keyId: string, key: KeyObject): RowSigner {
  const type = key.type === 'private' ? key.asymmetricKeyType : key.type
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  const attempted = `signing rows as ${checkKeyId(keyId)}`
  if (type !== 'ed25519' && !(type === 'rsa' && bits >= rsaBitsMin))
    throw producerError('PRODUCER_KEY', { attempted, received: bits === 0 ? `${type}` : `${type} of ${bits} bits` })
  return {
    keyId,
    algorithm: type === 'rsa' ? 'rsa-sha256' : 'ed25519',
    messageBytesMax: submissionLimits.payloadBytesMax + envelopeBytes,
    sign: async (message) => sign(type === 'rsa' ? 'sha256' : null, message, key),
  }
}

/** The key in a PEM file (PKCS#8). Throws PRODUCER_KEY. */
export async function fileSigner(keyId: string, path: string): Promise<RowSigner> {
  const attempted = `reading ${path}`
  const pem = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw producerError('PRODUCER_KEY', { attempted, received: cause.code, cause })
  })
  try {
    return keySigner(keyId, createPrivateKey(pem))
  } catch (cause) {
    throw producerError('PRODUCER_KEY', { attempted, received: 'no private key in PEM that fits', cause })
  } finally {
    pem.fill(0)
  }
}

/** A signer of packages/keys: KMS, proxy, HSM. What takes whole messages alone takes short ones. Throws PRODUCER_KEY. */
export function auditRowSigner(keyId: string, signer: AuditSigner): RowSigner {
  const { algorithm, signDigest } = signer
  const attempted = `signing rows as ${checkKeyId(keyId)}`
  if (algorithm === 'hmac-sha256') throw producerError('PRODUCER_KEY', { attempted, received: algorithm })
  if (signDigest === undefined)
    return { keyId, algorithm, messageBytesMax: auditMessageBytesMax, sign: signer.sign.bind(signer) }
  const messageBytesMax = submissionLimits.payloadBytesMax + envelopeBytes
  const digestOf = async (message: Uint8Array) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(message)))
  return {
    keyId,
    algorithm,
    messageBytesMax,
    sign: async (message, signal) => signDigest.call(signer, await digestOf(message), signal),
  }
}

const rsaBitsMin = 2048

function checkKeyId(keyId: string): string {
  if (submissionIdForm.test(keyId)) return keyId
  throw producerError('PRODUCER_KEY', { attempted: 'naming a key', received: `the id ${JSON.stringify(keyId)}` })
}

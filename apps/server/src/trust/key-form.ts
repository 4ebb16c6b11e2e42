// SPDX-License-Identifier: Apache-2.0

import { createPublicKey, type KeyObject } from 'node:crypto'
import { isSealwatchError, rfc3339From } from '@sealwatch/base'
import { auditPublicKey } from '@sealwatch/keys'
import type { KeyAlgorithm } from '../store/index.ts'
import { trustError } from './errors.ts'

/** As somebody gives a key: nothing of it is checked. Times are RFC 3339, with whatever offset and digits. */
export type GivenKey = {
  readonly keyId: string
  readonly algorithm: string
  /** SPKI as PEM; or base64 of that in DER, or, of ed25519, of the 32 bytes alone. */
  readonly publicKey: string
  readonly validFrom?: string | undefined
  readonly validUntil?: string | null | undefined
}

export type CheckedKey = {
  readonly keyId: string
  readonly algorithm: KeyAlgorithm
  /** Hex, as SigningKey has it. */
  readonly publicKey: string
  readonly validFrom: string
  readonly validUntil: string | null
}

const algorithms: readonly string[] = ['ed25519', 'rsa-sha256'] satisfies KeyAlgorithm[]
const keyIdForm = /^[\x21-\x7e]{1,128}$/
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex') // RFC 8410, 4

/** Throws SIGNING_KEY_INVALID or SIGNING_KEY_SHARED, each with the part that is wrong. `now`: where no beginning is given. */
export function checkKey(given: GivenKey, now: string, attempted: string): CheckedKey {
  const { keyId, algorithm } = given
  const wrong = (received: string) => trustError('SIGNING_KEY_INVALID', { attempted, received })
  if (!keyIdForm.test(keyId)) throw wrong(`the id ${JSON.stringify(keyId.slice(0, 140))}`)
  if (/^(hmac|hs)/i.test(algorithm)) throw trustError('SIGNING_KEY_SHARED', { attempted, received: algorithm })
  if (!algorithms.includes(algorithm)) throw wrong(`the algorithm ${algorithm.slice(0, 64)}`)
  const spki = readSpki(given.publicKey, algorithm as KeyAlgorithm, wrong)
  const publicKey = (algorithm === 'ed25519' ? spki.subarray(ed25519Prefix.length) : spki).toHex()
  const window = checkWindow({ from: given.validFrom ?? now, until: given.validUntil ?? null }, attempted)
  return { keyId, algorithm: algorithm as KeyAlgorithm, publicKey, ...window }
}

/** SPKI in DER of a key as the registry has it. */
export const spkiOf = ({ algorithm, publicKey }: Pick<CheckedKey, 'algorithm' | 'publicKey'>): Buffer => {
  const bytes = Buffer.from(publicKey, 'hex')
  return algorithm === 'ed25519' ? Buffer.concat([ed25519Prefix, bytes]) : bytes
}

/** A window as the registry has it. Throws SIGNING_KEY_INVALID. */
export function checkWindow(
  { from, until }: { readonly from: string; readonly until: string | null },
  attempted: string,
): Pick<CheckedKey, 'validFrom' | 'validUntil'> {
  const validFrom = checkTime(from, attempted)
  const validUntil = until === null ? null : checkTime(until, attempted)
  if (validUntil !== null && validUntil <= validFrom)
    throw trustError('SIGNING_KEY_INVALID', { attempted, received: `a window from ${from} until ${until}` })
  return { validFrom, validUntil }
}

/** RFC 3339 of any form as the registry has it. Throws SIGNING_KEY_INVALID. */
export function checkTime(text: string, attempted: string): string {
  const time = rfc3339From(text)
  if (time === undefined)
    throw trustError('SIGNING_KEY_INVALID', { attempted, received: `the time ${text.slice(0, 64)}` })
  return time
}

function readSpki(text: string, algorithm: KeyAlgorithm, wrong: (received: string) => Error): Buffer {
  // A private key would do for its public half, and must not come here at all.
  if (/PRIVATE KEY/.test(text)) throw wrong('a private key, which is to be replaced now: it was shown to others')
  const spki = text.includes('-----BEGIN') ? pemBytes(text, wrong) : base64Bytes(text, algorithm, wrong)
  try {
    auditPublicKey(algorithm, spki, 'reading a public key')
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    throw wrong((error.received ?? 'no such key').replaceAll('"', ''))
  }
  return spki
}

function pemBytes(text: string, wrong: (received: string) => Error): Buffer {
  let key: KeyObject
  try {
    key = createPublicKey(text)
  } catch {
    throw wrong('a PEM that is no public key')
  }
  return key.export({ type: 'spki', format: 'der' })
}

function base64Bytes(text: string, algorithm: KeyAlgorithm, wrong: (received: string) => Error): Buffer {
  const trimmed = text.trim()
  const bytes = Buffer.from(trimmed, 'base64')
  if (bytes.length === 0 || bytes.toString('base64').replace(/=+$/, '') !== trimmed.replace(/=+$/, ''))
    throw wrong('a text that is neither PEM nor base64')
  return algorithm === 'ed25519' && bytes.length === 32 ? Buffer.concat([ed25519Prefix, bytes]) : bytes
}

// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto'
import { type Disk, type ErrorTable, errorsOf, isSealwatchError } from '@sealwatch/base'
import { isSoundPublicKey } from './public-key.ts'
import { openSodium, type VerifyRaw } from './sodium.ts'

export const keyErrors = {
  KEY_WEAK: {
    kind: 'denied',
    rule: 'an Ed25519 public key is 32 bytes and not a point of small order (RFC 8032, 5.1.7)',
    advice: 'Generate a new key pair',
  },
  KEY_UNREADABLE: {
    kind: 'fatal',
    rule: 'a key file holds one Ed25519 private key as PKCS#8 PEM',
    advice: 'Restore the file from a backup; without it earlier entries stay verifiable, but no new ones can be signed',
  },
} as const satisfies ErrorTable
const keyError = errorsOf(keyErrors)

export type Ed25519Signer = {
  /** Hex SHA-256 of the raw public key. */
  readonly keyId: string
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array
  /** RFC 8032 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

export const keyIdOf = (publicKey: Uint8Array): string => hash('sha256', publicKey, 'hex')

export function generateSigner(): Ed25519Signer {
  return signerOf(generateKeyPairSync('ed25519').privateKey)
}

export const pkcs8Bytes = 48

/** A fresh key with its private half as it is kept (PKCS#8 DER), for whoever means to destroy it: zero those bytes. */
export function generateKept(): { readonly signer: Ed25519Signer; readonly pkcs8: Uint8Array } {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { signer: signerOf(privateKey), pkcs8: privateKey.export({ type: 'pkcs8', format: 'der' }) }
}

/** Undefined for bytes that are no Ed25519 private key: destroyed, or never written whole. */
export function signerOfKept(pkcs8: Uint8Array): Ed25519Signer | undefined {
  try {
    const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
    return key.asymmetricKeyType === 'ed25519' ? signerOf(key) : undefined
  } catch {
    return undefined
  }
}

/** Reads the key at `path`, or makes one there that is durable before it is used. */
export async function loadOrCreateSigner(path: string, disk: Disk): Promise<Ed25519Signer> {
  const bytes = await disk.read(path).catch((cause: Error) => {
    const received = (cause.cause as NodeJS.ErrnoException | undefined)?.code
    throw keyError('KEY_UNREADABLE', { attempted: `reading ${path}`, received, cause })
  })
  if (bytes !== undefined) return signerOf(parsePrivateKey(path, Buffer.from(bytes).toString('utf8')))
  const { privateKey } = generateKeyPairSync('ed25519')
  await disk.replace(path, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600)
  return signerOf(privateKey)
}

/**
 * Writes the public half (SPKI PEM) beside the key at `path`: `host.pub` beside `host.key`. Whoever verifies reads that, and no
 * private key. What a full disk refuses is written at the next start.
 */
export async function keepPublicHalf(path: string, { publicKey }: Ed25519Signer, disk: Disk): Promise<void> {
  const pem = publicKeyObject(publicKey).export({ type: 'spki', format: 'pem' }) as string
  const beside = publicHalfOf(path)
  const kept = await disk.read(beside)
  if (kept !== undefined && Buffer.from(kept).toString('utf8') === pem) return
  await disk.replace(beside, pem, 0o644).catch((cause: unknown) => {
    if (!isSealwatchError(cause, 'DISK_FULL')) throw cause
  })
}

export const publicHalfOf = (path: string): string => path.replace(/\.key$/, '.pub')

/** Refuses keys under which anybody can sign: wrong length or small order. */
export function checkPublicKey(publicKey: Uint8Array, attempted: string): Uint8Array {
  if (!isSoundPublicKey(publicKey)) {
    throw keyError('KEY_WEAK', { attempted, received: Buffer.from(publicKey).toString('hex') })
  }
  return publicKey
}

/** Slower than libsodium, and always there. */
export const verifyByOpenSsl: VerifyRaw = (publicKey, message, signature) =>
  verify(null, message, publicKeyObject(publicKey), signature)

/** Opened by the first who verifies. */
let verifyRaw: VerifyRaw | undefined

export const verifyEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  isSoundPublicKey(publicKey) && signature.length === 64 && opened()(publicKey, message, signature)

function opened(): VerifyRaw {
  verifyRaw ??= openSodium() ?? verifyByOpenSsl
  return verifyRaw
}

const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex') // RFC 8410, 4

/** A raw public key in DER, as other programs read it. */
export const spkiOf = (publicKey: Uint8Array): Uint8Array => Buffer.concat([spkiPrefix, publicKey])

/** The raw public key; undefined for what is no Ed25519 key in DER, or one under which anybody can sign. */
export function publicKeyOfSpki(spki: Uint8Array): Uint8Array | undefined {
  const publicKey = spki.slice(spkiPrefix.length)
  return spkiPrefix.equals(spki.subarray(0, spkiPrefix.length)) && isSoundPublicKey(publicKey) ? publicKey : undefined
}

const keyObjectsMax = 4096
const keyObjects = new Map<string, KeyObject>()

function publicKeyObject(raw: Uint8Array): KeyObject {
  const cacheKey = Buffer.from(raw).toString('latin1')
  const cached = keyObjects.get(cacheKey)
  if (cached !== undefined) return cached
  const key = createPublicKey({ key: Buffer.from(spkiOf(raw)), format: 'der', type: 'spki' })
  if (keyObjects.size >= keyObjectsMax) keyObjects.clear()
  keyObjects.set(cacheKey, key)
  return key
}

function parsePrivateKey(path: string, pem: string): KeyObject {
  let received: string | undefined
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
    received = key.asymmetricKeyType
  } catch (cause) {
    throw keyError('KEY_UNREADABLE', { attempted: `reading ${path}`, cause })
  }
  throw keyError('KEY_UNREADABLE', { attempted: `reading ${path}`, received })
}

export function signerOf(privateKey: KeyObject): Ed25519Signer {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const publicKey = new Uint8Array(spki.subarray(spkiPrefix.length))
  return { keyId: keyIdOf(publicKey), publicKey, sign: (message) => sign(null, message, privateKey) }
}

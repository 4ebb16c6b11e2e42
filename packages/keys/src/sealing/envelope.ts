// SPDX-License-Identifier: Apache-2.0

import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { sealingError } from './errors.ts'
import { keyBytes } from './locked-memory.ts'

/** What a derived key is for; a part of its name, so that a key for one purpose opens nothing of another. */
export type Purpose = 'evidence' | 'quarantine' | 'personal' | 'subject-key' | 'tenant-key'

/** Names an object key; with its input key and the salt it says which key that is (sealing.md, 3.2). */
export const keyInfo = (purpose: Purpose, tenant: string, epoch: number, subject = ''): string =>
  `sealwatch.dev/sealing/v2\0${purpose}\0${tenant}\0${epoch}\0${subject}`

export const saltBytes = 32
export const tagBytes = 16
const nonceBytes = 12
const counterBytes = 4
const gcm = { authTagLength: tagBytes } as const
/** What a sealed value adds to its plain text, besides the salt. */
export const sealedExtraBytes = counterBytes + tagBytes

/** HKDF-SHA-256. The caller zeroes the key. */
export const objectKey = (from: Uint8Array, salt: Uint8Array, info: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', from, salt, info, keyBytes))

/**
 * Seals the values of one batch of work: one salt, one object key for each name, a counter for each key.
 *
 * A (key, nonce) pair never repeats. The key is HKDF(input key, salt, info). (1) Within a batch each `info` has one key
 * and one counter, which begins at 0, grows by one with each value and refuses to wrap; the nonce is that counter. (2) Each
 * batch draws its own salt of 256 bits from the system, so that two batches derive the same key only when their salts
 * are the same: of 2^64 batches with a probability below 2^-128. (3) Salt and counter live in the batch alone. Neither is
 * ever read back from a disk, so no crash, restart, restored backup or second server can set a counter back: whoever
 * starts again starts with a new salt. What is left is a copy of the running process itself (a virtual machine resumed
 * twice from one snapshot): a batch lives for one synchronous stretch of work, and the system's generator is seeded
 * anew when a machine is resumed (VMGENID).
 */
export type SealBatch = {
  readonly salt: Uint8Array
  /** The object key drawn from `from`. The same `info` must always come with the same key. */
  key(from: Uint8Array, info: string): ObjectKey
  /** Zeroes the keys; the batch is over. */
  [Symbol.dispose](): void
}

export type ObjectKey = {
  /** counter || ciphertext || tag. */
  seal(place: string, plain: Uint8Array): Uint8Array
}

export type Random = (length: number) => Uint8Array

export function openSealBatch(random: Random, valuesPerKeyMax = 2 ** 32): SealBatch {
  const salt = random(saltBytes)
  const keys = new Map<string, ObjectKey & { wipe(): void }>()
  return {
    salt,
    key: (from, info) => {
      const known = keys.get(info)
      if (known !== undefined) return known
      const made = countingKey(objectKey(from, salt, info), valuesPerKeyMax)
      keys.set(info, made)
      return made
    },
    [Symbol.dispose]: () => {
      for (const { wipe } of keys.values()) wipe()
    },
  }
}

function countingKey(key: Uint8Array, valuesMax: number): ObjectKey & { wipe(): void } {
  const nonce = new Uint8Array(nonceBytes)
  const counterOf = new DataView(nonce.buffer, nonceBytes - counterBytes)
  let next = 0
  let isOver = false
  return {
    seal: (place, plain) => {
      if (isOver) throw new RangeError('the batch is over')
      if (next >= valuesMax) throw new RangeError(`more than ${valuesMax} values under one key`)
      const counter = next
      next += 1
      counterOf.setUint32(0, counter)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
      const sealed = Buffer.allocUnsafe(plain.length + sealedExtraBytes)
      sealed.writeUInt32BE(counter)
      sealed.set(cipher.update(plain), counterBytes)
      cipher.final()
      sealed.set(cipher.getAuthTag(), sealed.length - tagBytes)
      return sealed
    },
    wipe: () => {
      isOver = true
      key.fill(0)
    },
  }
}

/** Opens what `seal` of an ObjectKey made. Throws SEALED_UNREADABLE. */
export function openSealed(key: Uint8Array, place: string, sealed: Uint8Array): Uint8Array {
  try {
    if (sealed.length < sealedExtraBytes) throw new RangeError(`${sealed.length} bytes`)
    const nonce = new Uint8Array(nonceBytes)
    for (let i = 0; i < counterBytes; i += 1) nonce[nonceBytes - counterBytes + i] = sealed[i] as number
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, gcm)
    decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(-tagBytes))
    const plain = decipher.update(sealed.subarray(counterBytes, -tagBytes))
    // Throws where the tag does not match; GCM holds nothing back.
    decipher.final()
    return plain
  } catch (cause) {
    throw sealingError('SEALED_UNREADABLE', { attempted: `opening the sealed value of ${place}`, cause })
  }
}

/** salt || counter || ciphertext || tag: a batch of one. */
export function sealAlone(
  random: Random,
  from: Uint8Array,
  info: string,
  place: string,
  plain: Uint8Array,
): Uint8Array {
  using batch = openSealBatch(random)
  return Buffer.concat([batch.salt, batch.key(from, info).seal(place, plain)])
}

/** Opens what `sealAlone` made. Throws SEALED_UNREADABLE. */
export function openAlone(from: Uint8Array, info: string, place: string, sealed: Uint8Array): Uint8Array {
  const key = objectKey(from, sealed.subarray(0, saltBytes), info)
  try {
    return openSealed(key, place, sealed.subarray(saltBytes))
  } finally {
    key.fill(0)
  }
}

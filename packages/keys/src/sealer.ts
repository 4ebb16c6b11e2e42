// SPDX-License-Identifier: Apache-2.0

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Disk, type ErrorTable, errorsOf } from '@sealwatch/base'

export const sealerErrors = {
  SEALED_UNREADABLE: {
    kind: 'unverified',
    rule: 'a sealed value opens only whole, under its own key and in its own place',
    advice: 'The value was altered, moved, or its key is gone; the ledger still verifies without it',
  },
} as const satisfies ErrorTable
const sealerError = errorsOf(sealerErrors)

/** Keeps values secret at rest. `place` names where the value belongs, so that it cannot be moved elsewhere. */
export type Sealer = {
  seal(place: string, plain: Uint8Array): Uint8Array
  open(place: string, sealed: Uint8Array): Uint8Array
}

const version = 1
const saltBytes = 32
const tagBytes = 16

/**
 * AES-256-GCM under an object key drawn by HKDF-SHA-256 from the tenant's key with a fresh random salt: a key is used
 * for one value alone, so its nonce never repeats. Layout: version (1), salt (32), ciphertext, tag (16).
 */
export async function loadOrCreateSealer(path: string, disk: Disk): Promise<Sealer> {
  let key: Uint8Array
  try {
    key = await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    key = randomBytes(32)
    await disk.replace(path, key, 0o600)
  }
  if (key.length !== 32)
    throw sealerError('SEALED_UNREADABLE', { attempted: `reading the key ${path}`, received: `${key.length} bytes` })
  const objectKey = (salt: Uint8Array) => new Uint8Array(hkdfSync('sha256', key, salt, 'sealwatch.dev/sealed/v1', 32))
  const nonce = new Uint8Array(12)
  return {
    seal: (place, plain) => {
      const salt = randomBytes(saltBytes)
      const cipher = createCipheriv('aes-256-gcm', objectKey(salt), nonce).setAAD(Buffer.from(place))
      return Buffer.concat([Uint8Array.of(version), salt, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    open: (place, sealed) => {
      try {
        if (sealed[0] !== version) throw new RangeError(`version ${sealed[0]}`)
        const body = sealed.subarray(1 + saltBytes, sealed.length - tagBytes)
        const decipher = createDecipheriv('aes-256-gcm', objectKey(sealed.subarray(1, 1 + saltBytes)), nonce)
        decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(sealed.length - tagBytes))
        return Buffer.concat([decipher.update(body), decipher.final()])
      } catch (cause) {
        throw sealerError('SEALED_UNREADABLE', { attempted: `opening the sealed value of ${place}`, cause })
      }
    },
  }
}

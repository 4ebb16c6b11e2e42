// SPDX-License-Identifier: Apache-2.0

import { constants, type KeyObject, privateEncrypt, publicDecrypt, timingSafeEqual } from 'node:crypto'

export const digestBytes = 32
/** RFC 8017, 9.2, note 1: what stands before a SHA-256 digest, so that OpenSSL's padding makes RSASSA-PKCS1-v1_5 of it. */
const digestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex')
const padding = constants.RSA_PKCS1_PADDING

export const digestInfoOf = (digest: Uint8Array): Buffer => Buffer.concat([digestInfo, digest])

export const signDigestWith = (key: KeyObject, digest: Uint8Array): Uint8Array =>
  new Uint8Array(privateEncrypt({ key, padding }, digestInfoOf(digest)))

export function digestHolds(key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const expected = digestInfoOf(digest)
  try {
    const found = publicDecrypt({ key, padding }, signature)
    return found.length === expected.length && timingSafeEqual(found, expected)
  } catch {
    return false
  }
}

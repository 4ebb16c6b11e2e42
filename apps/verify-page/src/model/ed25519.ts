// SPDX-License-Identifier: Apache-2.0

import { ed25519 } from '@noble/curves/ed25519.js'
import { isSoundPublicKey } from '@sealwatch/keys/public-key'
import type { VerifyEd25519 } from '@sealwatch/ledger/verify'

/**
 * As `verifyEd25519` of packages/keys, which node has from OpenSSL: strict (RFC 8032, 5.1.7), and no weak keys. RFC 8032
 * leaves open which of two equations decides: noble takes the one that is multiplied by the cofactor, OpenSSL the other, and
 * OpenSSL has the neutral element sign nothing. They differ for points with a part of small order alone, which nobody's
 * signing makes by chance. Such are refused here, so that no bundle can be made that this page believes and the command
 * line does not.
 */
export const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) =>
  isSoundPublicKey(publicKey) &&
  signature.length === 64 &&
  isSoundPublicKey(signature.subarray(0, 32)) &&
  ed25519.verify(signature, message, publicKey, { zip215: false }) &&
  isPureKey(publicKey) &&
  isPure(signature.subarray(0, 32))

/** Has no part of small order; throws where there is no point. */
const isPure = (point: Uint8Array) => ed25519.Point.fromBytes(point).isTorsionFree()

// The few keys of a bundle sign again and again, and looking at one takes as long as most of a verification.
const pureKeys = new Set<string>()
const pureKeysMax = 1000

function isPureKey(publicKey: Uint8Array): boolean {
  const name = publicKey.toHex()
  if (pureKeys.has(name)) return true
  if (!isPure(publicKey)) return false
  if (pureKeys.size >= pureKeysMax) pureKeys.clear()
  pureKeys.add(name)
  return true
}

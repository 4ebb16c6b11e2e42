// SPDX-License-Identifier: Apache-2.0

import { ed25519 } from '@noble/curves/ed25519.js'
import { isSoundPublicKey } from '@sealwatch/keys/public-key'
import type { VerifyEd25519 } from '@sealwatch/ledger/verify'

/** As `verifyEd25519` of packages/keys, which node has from OpenSSL: strict (RFC 8032, 5.1.7), and no weak keys. */
export const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) =>
  isSoundPublicKey(publicKey) &&
  signature.length === 64 &&
  ed25519.verify(signature, message, publicKey, { zip215: false })

// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { isSealwatchError } from '@sealwatch/base'
import type { ManifestCrypto } from './manifests/index.ts'
import { verifyAudit } from './signers/index.ts'

/** What node brings to judge trust roots and manifests with. */
export const manifestCrypto: ManifestCrypto = {
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
  verify: (algorithm, spki, message, signature) => {
    try {
      return verifyAudit(algorithm, spki, message, signature)
    } catch (cause) {
      // What OpenSSL does not take as a key verifies nothing.
      if (isSealwatchError(cause)) return false
      throw cause
    }
  },
}

// SPDX-License-Identifier: Apache-2.0

import { createPublicKey } from 'node:crypto'
import { isSealwatchError } from '@sealwatch/base'
import { auditKeyId, auditPublicKey, type DsseVerifier, verifyAudit } from '@sealwatch/keys'
import { cliError } from '../errors.ts'
import { readSmallFile } from '../small-file.ts'

const pemBytesMax = 16 * 1024

/** The public key of a deployment's signer, RSA or Ed25519 in PEM, as the judge of its envelopes. Throws CLI_TRUST. */
export function signerKeyOf(path: string | undefined): DsseVerifier | undefined {
  if (path === undefined) return undefined
  const attempted = `reading the signer's key ${path}`
  try {
    const key = createPublicKey(readSmallFile(path, pemBytesMax))
    const algorithm = key.asymmetricKeyType === 'rsa' ? 'rsa-sha256' : 'ed25519'
    const spki = new Uint8Array(key.export({ type: 'spki', format: 'der' }))
    auditPublicKey(algorithm, spki, attempted)
    return {
      keyid: auditKeyId(spki),
      verify: (message, signature) => verifyAudit(algorithm, spki, message, signature),
    }
  } catch (cause) {
    const received = isSealwatchError(cause) ? cause.received : (cause as NodeJS.ErrnoException).code
    const advice = 'Give the public key in PEM: Ed25519, or RSA of at least 2,048 bits'
    throw cliError('CLI_TRUST', { attempted, received, advice, cause })
  }
}

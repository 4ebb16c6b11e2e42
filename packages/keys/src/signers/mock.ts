// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, createSecretKey, hash } from 'node:crypto'
import type { AuditAlgorithm } from './algorithms.ts'
import { signerError } from './errors.ts'
import { localSigner } from './file.ts'
import type { AuditSigner } from './signer.ts'

const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex') // RFC 8410, 7

/** For tests: a key that is a function of a text, so that whoever reads the text can sign. */
export function mockKey(algorithm: AuditAlgorithm, text: string): AuditSigner {
  const location = 'mock:MOCK_AUDIT_SIGNING_KEY'
  switch (algorithm) {
    case 'hmac-sha256':
      return localSigner({ backend: 'mock', algorithm, key: createSecretKey(Buffer.from(text)), location })
    case 'ed25519': {
      const seed = hash('sha256', `sealwatch.dev/mock-key/v1\n${text}`, 'buffer')
      const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
      return localSigner({ backend: 'mock', algorithm, key, location })
    }
    case 'rsa-sha256': {
      const advice =
        'Set AUDIT_SIGNING_PRIVATE_KEY to a key made by `openssl genrsa 2048`, or another AUDIT_SIGNING_ALG'
      throw signerError('SIGNER_SETTINGS', { attempted: 'making a mock key', received: algorithm, advice })
    }
  }
}

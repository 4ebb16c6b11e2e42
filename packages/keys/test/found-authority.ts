// SPDX-License-Identifier: Apache-2.0

import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { type AuthoritySigner, authoritySigner } from '../src/authority-signer.ts'

const made = {
  ec: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ed25519: ['ed25519'],
} as const

/** A CA of its own, good for a hundred years, that signs for hosts. */
export function foundAuthority(algorithm: keyof typeof made): AuthoritySigner {
  const argv = ['req', '-x509', '-newkey', ...made[algorithm], '-nodes', '-subj', '/CN=CA', '-days', '36500']
  const pem = execFileSync('openssl', [...argv, '-keyout', '-', '-out', '-'], { encoding: 'utf8', stdio: 'pipe' })
  const [key = '', certificate = ''] = pem.match(/-----BEGIN [\s\S]+?-----END [A-Z ]+-----/g) ?? []
  return authoritySigner(createPrivateKey(key), [new X509Certificate(certificate)])
}

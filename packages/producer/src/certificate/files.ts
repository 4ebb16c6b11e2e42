// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { authorityFingerprint, certificatesIn, chainIn, chainOfPem, isSignedBy, pemOf } from '@sealwatch/keys'
import { producerError } from '../errors.ts'

/** By what a service comes over TLS: its key, its certificate, and the chain of the authority that it trusts. PEM. */
export type Credentials = {
  readonly key: string
  readonly certificate: string
  readonly authority: string
  readonly privateKey: KeyObject
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

/** `certificateFile`: the certificate, then those above it, as `producer certify` writes them. Throws PRODUCER_CERTIFICATE. */
export async function readCredentials(keyFile: string, certificateFile: string): Promise<Credentials> {
  const attempted = `reading ${keyFile} and ${certificateFile}`
  try {
    const [key, chain] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certificateFile, 'utf8')])
    const [leaf, ...above] = certificatesIn(chain)
    return credentialsOf(createPrivateKey(key), leaf, above)
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    throw producerError('PRODUCER_CERTIFICATE', { attempted, received, cause })
  }
}

/** What a renewal answered, for the same key and under the authority that is trusted already. Throws PRODUCER_CERTIFICATE. */
export function renewedCredentials({ privateKey, authority }: Credentials, chain: readonly Uint8Array[]): Credentials {
  try {
    const [leaf, ...above] = chain.map((der) => new X509Certificate(der))
    return credentialsOf(privateKey, leaf, above, authorityFingerprint(chainOfPem(authority)))
  } catch (cause) {
    const received = (cause as Error).message
    throw producerError('PRODUCER_CERTIFICATE', { attempted: 'reading a renewed certificate', received, cause })
  }
}

/** As the file has them. */
export const chainOf = ({ certificate, authority }: Credentials): string => certificate + authority

/** `pin`: undefined where it is the service's own file. */
function credentialsOf(
  privateKey: KeyObject,
  leaf: X509Certificate | undefined,
  above: readonly X509Certificate[],
  pin?: string,
): Credentials {
  if (leaf === undefined || above.length === 0) throw new Error('no certificate with that of its CA')
  if (!leaf.subjectAltName?.startsWith('URI:sealwatch:service:'))
    throw new Error(`a certificate of ${leaf.subjectAltName}`)
  if (!leaf.checkPrivateKey(privateKey)) throw new Error('a certificate for another key')
  const chain = chainIn(above)
  const isPinned = chain !== undefined && authorityFingerprint(chain) === (pin ?? authorityFingerprint(chain))
  if (!isPinned || !isSignedBy(leaf, chain[0])) throw new Error('a certificate of another CA')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificate: leaf.toString(),
    authority: pemOf(chain),
    privateKey,
    notBeforeMs: leaf.validFromDate.getTime(),
    expiresAtMs: leaf.validToDate.getTime(),
  }
}

// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { producerError } from '../errors.ts'

/** By what a service comes over TLS: its key, its certificate, and the CA that it trusts. PEM. */
export type Credentials = {
  readonly key: string
  readonly certificate: string
  readonly authority: string
  readonly privateKey: KeyObject
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

const certificateForm = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** `certificateFile`: the certificate, then the CA, as `producer certify` writes them. Throws PRODUCER_CERTIFICATE. */
export async function readCredentials(keyFile: string, certificateFile: string): Promise<Credentials> {
  const attempted = `reading ${keyFile} and ${certificateFile}`
  try {
    const [key, chain] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certificateFile, 'utf8')])
    const [certificate = '', authority = ''] = chain.match(certificateForm) ?? []
    return credentialsOf(createPrivateKey(key), new X509Certificate(certificate), new X509Certificate(authority))
  } catch (cause) {
    const received = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message
    throw producerError('PRODUCER_CERTIFICATE', { attempted, received, cause })
  }
}

/** What a renewal answered, for the same key and under the CA that is trusted already. Throws PRODUCER_CERTIFICATE. */
export function renewedCredentials({ privateKey, authority }: Credentials, chain: readonly Uint8Array[]): Credentials {
  try {
    const certificate = new X509Certificate(chain[0] ?? new Uint8Array(0))
    return credentialsOf(privateKey, certificate, new X509Certificate(authority))
  } catch (cause) {
    const received = (cause as Error).message
    throw producerError('PRODUCER_CERTIFICATE', { attempted: 'reading a renewed certificate', received, cause })
  }
}

/** As the file has them. */
export const chainOf = ({ certificate, authority }: Credentials): string => certificate + authority

function credentialsOf(privateKey: KeyObject, leaf: X509Certificate, authority: X509Certificate): Credentials {
  if (!leaf.subjectAltName?.startsWith('URI:sealwatch:service:'))
    throw new Error(`a certificate of ${leaf.subjectAltName}`)
  if (!leaf.checkPrivateKey(privateKey)) throw new Error('a certificate for another key')
  if (!leaf.checkIssued(authority) || !leaf.verify(authority.publicKey)) throw new Error('a certificate of another CA')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificate: leaf.toString(),
    authority: authority.toString(),
    privateKey,
    notBeforeMs: leaf.validFromDate.getTime(),
    expiresAtMs: leaf.validToDate.getTime(),
  }
}

// SPDX-License-Identifier: Apache-2.0

// @peculiar/x509 needs this polyfill before it.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { messageOf } from '@sealwatch/base'
import { identityError } from './errors.ts'

/** A P-256 public key whose owner proved to hold the private half; only verifyCertificateRequest makes one. */
export type CertifiedKey = { readonly spki: Uint8Array }

const requestBytesMax = 4096

/**
 * Checks a PKCS#10 request (RFC 2986) and returns its key. Subject and extensions are ignored: who a certificate is for
 * is decided by the server alone. Throws CSR_INVALID.
 */
export async function verifyCertificateRequest(der: Uint8Array): Promise<CertifiedKey> {
  const invalid = (received: string, cause?: unknown) =>
    identityError('CSR_INVALID', { attempted: 'reading a certificate request', received, cause })
  if (der.length === 0 || der.length > requestBytesMax) throw invalid(`${der.length} bytes`)
  try {
    const request = new x509.Pkcs10CertificateRequest(Uint8Array.from(der))
    const { name, namedCurve } = request.publicKey.algorithm as { name?: string; namedCurve?: string }
    if (name !== 'ECDSA' || namedCurve !== 'P-256') throw new Error(`a key of kind ${name} ${namedCurve ?? ''}`)
    if (request.signatureAlgorithm.hash?.name !== 'SHA-256') throw new Error('a signature not over SHA-256')
    if (!(await request.verify())) throw new Error('a signature by another key')
    return { spki: new Uint8Array(request.publicKey.rawData) }
  } catch (cause) {
    throw invalid(messageOf(cause), cause)
  }
}

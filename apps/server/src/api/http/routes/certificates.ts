// SPDX-License-Identifier: Apache-2.0

import { X509Certificate } from 'node:crypto'
import { decodeBase64 } from '@sealwatch/base'
import { z } from 'zod'
import { certificateIdForm } from '../../../identity/index.ts'
import type { CertificateRow, Certificates } from '../../../trust/index.ts'
import { httpError } from '../problems.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, serviceName, time } from '../shapes.ts'

const certificate = z.object({
  certificate_id: z.string().describe('The same through its renewals'),
  producer: z.string(),
  serial: z.string().describe('Hex, of the present one'),
  issued_at: time,
  issued_by: z.string(),
  renewed_at: time.nullable(),
  expires_at: time,
  revoked_at: time.nullable(),
})
const params = z.object({ producer: serviceName })
const one = params.extend({ certificate_id: z.string().regex(certificateIdForm) })
const requestForm = /^-----BEGIN CERTIFICATE REQUEST-----\s+([A-Za-z0-9+/=\s]+)-----END CERTIFICATE REQUEST-----\s*$/

const rowJson = (row: CertificateRow) => ({
  certificate_id: row.certificateId,
  producer: row.producer,
  serial: row.serial,
  issued_at: row.issuedAt,
  issued_by: row.issuedBy,
  renewed_at: row.renewedAt,
  expires_at: row.expiresAt,
  revoked_at: row.revokedAt,
})

/** By which services come over TLS (docs/formats/submission.md, 4.5). */
export const certificateRoutes = (certificates: Certificates): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/producers/{producer}/certificates',
    id: 'listCertificates',
    summary: 'The certificates that a service comes with',
    tag: 'producers',
    action: 'producer:read',
    params,
    answer: z.object({ items: z.array(certificate) }),
    errors: ['PRODUCER_UNKNOWN'],
    handle: async (by, input) => ({ items: (await certificates.list(by, input.params.producer)).map(rowJson) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/producers/{producer}/certificates',
    id: 'certifyProducer',
    summary:
      'Certify the key of a service: with it, it brings rows over TLS. It lives for a day, and the client renews it',
    tag: 'producers',
    action: 'producer:manage',
    params,
    body: z.strictObject({ request: z.string().max(8192).describe('PKCS#10 in PEM, for a P-256 key') }),
    answer: z.object({
      certificate,
      chain: z.string().describe("PEM: the service's certificate, then the CA's, which the service trusts"),
      ledger: recorded,
    }),
    status: 201,
    errors: ['PRODUCER_UNKNOWN', 'CSR_INVALID', 'TRUST_TOO_MANY', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { params: { producer }, body }) => {
      const { chain, row, recorded: written } = await certificates.issue(by, producer, requestIn(body.request))
      const pem = chain.map((der) => new X509Certificate(der).toString()).join('')
      return { certificate: rowJson(row), chain: pem, ledger: recordedJson(written) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/producers/{producer}/certificates/{certificate_id}/revoke',
    id: 'revokeCertificate',
    summary: 'Revoke a certificate for good, with its renewals; it counts at once, and its connections end',
    tag: 'producers',
    action: 'producer:manage',
    params: one,
    body: z.strictObject({ cause: z.string().min(1).max(400).describe('For the ledger; name nobody') }),
    answer: z.object({ ledger: recorded }),
    errors: ['PRODUCER_UNKNOWN', 'CERTIFICATE_UNKNOWN'],
    handle: async (by, { params: { producer, certificate_id }, body }) => ({
      ledger: recordedJson(await certificates.revoke(by, { producer, certificateId: certificate_id }, body.cause)),
    }),
  }),
]

function requestIn(pem: string): Uint8Array {
  const der = decodeBase64((requestForm.exec(pem.trim())?.[1] ?? '').replaceAll(/\s/g, ''))
  if (der !== undefined && der.length > 0) return der
  throw httpError('REQUEST_INVALID', { attempted: 'reading a certificate request', received: 'what is no such PEM' })
}

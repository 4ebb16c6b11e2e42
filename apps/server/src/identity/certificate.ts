// SPDX-License-Identifier: Apache-2.0

import type { X509Certificate } from 'node:crypto'
import { identityError } from './errors.ts'

/** What a verified client certificate says; only verifyHostCertificate makes one. */
export type HostCertificate = {
  readonly hostId: string
  /** Hex. */
  readonly serial: string
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

export const hostIdForm = /^[0-9a-f]{32}$/
const hostUriForm = /^URI:sealwatch:host:([0-9a-f]{32})$/
const clientAuth = '1.3.6.1.5.5.7.3.2'

export const hostUri = (hostId: string) => `sealwatch:host:${hostId}`

/**
 * Whose certificate a TLS peer presented; TLS itself proved that the peer holds the key. Time and revocation are the
 * caller's to judge at each call, for a connection outlives a handshake. Throws CERTIFICATE_MISSING, CERTIFICATE_FOREIGN.
 */
export function verifyHostCertificate(peer: X509Certificate | undefined, authority: X509Certificate): HostCertificate {
  const attempted = 'checking a client certificate'
  if (peer === undefined) throw identityError('CERTIFICATE_MISSING', { attempted })
  const foreign = (received: string) => identityError('CERTIFICATE_FOREIGN', { attempted, received })
  if (!peer.checkIssued(authority) || !peer.verify(authority.publicKey)) throw foreign(`issuer ${peer.issuer}`)
  if (peer.ca || !peer.keyUsage?.includes(clientAuth)) throw foreign(`extended key usage ${peer.keyUsage?.join(', ')}`)
  const hostId = hostUriForm.exec(peer.subjectAltName ?? '')?.[1]
  if (hostId === undefined) throw foreign(`subjectAltName ${peer.subjectAltName}`)
  return {
    hostId,
    serial: peer.serialNumber.toLowerCase(),
    notBeforeMs: peer.validFromDate.getTime(),
    expiresAtMs: peer.validToDate.getTime(),
  }
}

/** Throws CERTIFICATE_EXPIRED outside the validity, whose end may be moved by `graceMs`. */
export function checkValidity(certificate: HostCertificate, nowMs: number, graceMs = 0): void {
  const { hostId, notBeforeMs, expiresAtMs } = certificate
  if (nowMs >= notBeforeMs && nowMs < expiresAtMs + graceMs) return
  const received = `valid from ${new Date(notBeforeMs).toISOString()} until ${new Date(expiresAtMs).toISOString()}`
  throw identityError('CERTIFICATE_EXPIRED', { attempted: `admitting the host ${hostId}`, received })
}

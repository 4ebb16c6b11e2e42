// SPDX-License-Identifier: Apache-2.0

import type { X509Certificate } from 'node:crypto'
import { isSignedBy } from '@sealwatch/keys'
import { identityError } from './errors.ts'

/** What every verified client certificate says. */
export type ClientCertificate = {
  /** Whose it is, for people. */
  readonly holder: string
  /** Hex. */
  readonly serial: string
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}
/** Only verifyHostCertificate makes one. */
export type HostCertificate = ClientCertificate & { readonly hostId: string }
/** Only verifyServiceCertificate makes one. `certificateId`: stays the same through its renewals. */
export type ServiceCertificate = ClientCertificate & ServiceName
export type ServiceName = { readonly tenant: string; readonly producer: string; readonly certificateId: string }

export const hostIdForm = /^[0-9a-f]{32}$/
export const certificateIdForm = /^crt_[0-9a-f]{20}$/
// The whole subjectAltName, in each case: what names a host names no service, and nothing names two.
const hostUriForm = /^URI:sealwatch:host:([0-9a-f]{32})$/
const serviceUriForm = /^URI:sealwatch:service:([a-z0-9-]{1,64}):([a-z0-9-]{1,64}):(crt_[0-9a-f]{20})$/
const clientAuth = '1.3.6.1.5.5.7.3.2'

export const hostUri = (hostId: string) => `sealwatch:host:${hostId}`
export const serviceUri = ({ tenant, producer, certificateId }: ServiceName) =>
  `sealwatch:service:${tenant}:${producer}:${certificateId}`

/**
 * Whose certificate a TLS peer presented, of one of these CAs; TLS itself proved that the peer holds the key. Time and revocation are the
 * caller's to judge at each call, for a connection outlives a handshake. Throws CERTIFICATE_MISSING, CERTIFICATE_FOREIGN.
 */
export function verifyHostCertificate(
  peer: X509Certificate | undefined,
  issuers: readonly X509Certificate[],
): HostCertificate {
  const { certificate, names } = verified(peer, issuers, hostUriForm)
  const [hostId] = names as [string]
  return { ...certificate, holder: `the host ${hostId}`, hostId }
}

/** The same of a service. */
export function verifyServiceCertificate(
  peer: X509Certificate | undefined,
  issuers: readonly X509Certificate[],
): ServiceCertificate {
  const { certificate, names } = verified(peer, issuers, serviceUriForm)
  const [tenant, producer, certificateId] = names as [string, string, string]
  return { ...certificate, holder: `the service ${producer}`, tenant, producer, certificateId }
}

function verified(peer: X509Certificate | undefined, issuers: readonly X509Certificate[], form: RegExp) {
  const attempted = 'checking a client certificate'
  if (peer === undefined) throw identityError('CERTIFICATE_MISSING', { attempted })
  const foreign = (received: string) => identityError('CERTIFICATE_FOREIGN', { attempted, received })
  const issuer = issuers.find((one) => isSignedBy(peer, one))
  if (issuer === undefined) throw foreign(`issuer ${peer.issuer}`)
  // Ours never do: the key of a CA whose time is over makes nobody a host.
  if (peer.validToDate > issuer.validToDate) throw foreign(`valid until ${peer.validTo}, longer than its issuer`)
  if (peer.ca || !peer.keyUsage?.includes(clientAuth)) throw foreign(`extended key usage ${peer.keyUsage?.join(', ')}`)
  const names = form.exec(peer.subjectAltName ?? '')?.slice(1)
  if (names === undefined) throw foreign(`subjectAltName ${peer.subjectAltName}`)
  const certificate = {
    serial: peer.serialNumber.toLowerCase(),
    notBeforeMs: peer.validFromDate.getTime(),
    expiresAtMs: peer.validToDate.getTime(),
  }
  return { certificate, names }
}

/** A holder that slept through the life of its certificate still gets the next one, unless it is revoked meanwhile. */
export const renewalGraceMs = 30 * 24 * 3_600_000

/**
 * Throws CERTIFICATE_EXPIRED outside the validity. `graceMs` more are for renewal, which takes one that is not valid yet as well:
 * we made it when our clock was ahead.
 */
export function checkValidity(certificate: ClientCertificate, nowMs: number, graceMs = 0): void {
  const { holder, notBeforeMs, expiresAtMs } = certificate
  if ((nowMs >= notBeforeMs || graceMs > 0) && nowMs < expiresAtMs + graceMs) return
  const received = `valid from ${new Date(notBeforeMs).toISOString()} until ${new Date(expiresAtMs).toISOString()}`
  throw identityError('CERTIFICATE_EXPIRED', { attempted: `admitting ${holder}`, received })
}

// SPDX-License-Identifier: Apache-2.0

// @peculiar/x509 needs this polyfill before it.
import 'reflect-metadata'
import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import type { Clock } from '@sealwatch/base'
import { type AuthorityChain, type AuthoritySigner, authoritySigner, pemOf } from '@sealwatch/keys'
import { type CaAlgorithm, caAlgorithmOf } from './ca-algorithm.ts'
import { hostUri, type ServiceName, serviceUri } from './certificate.ts'
import type { CertifiedKey } from './certificate-request.ts'
import { identityError } from './errors.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
/** Certificates begin in the past, for hosts whose clock is behind; of a short life only by a small part of it. */
export const backdatingMsMax = 5 * minuteMs
const backdatingOf = (lifetimeMs: number) => Math.min(backdatingMsMax, Math.floor(lifetimeMs / 12_000) * 1000)
export const lifetimesMs = { authority: 3650 * dayMs, host: dayMs, service: dayMs, server: 7 * dayMs } as const

export type IssuedCertificate = {
  /** DER. */
  readonly certificate: Uint8Array
  /** DER: the certificate, then those above it, the root last. */
  readonly chain: Uint8Array[]
  /** Hex. */
  readonly serial: string
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

export type ServerCredentials = {
  readonly cert: string
  readonly key: string
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

/** A private key that certifies, and the certificates that say so. */
export type IssuingCa = { readonly key: KeyObject; readonly chain: AuthorityChain }

export type Issuing = {
  issueHost(key: CertifiedKey, hostId: string): Promise<IssuedCertificate>
  issueService(key: CertifiedKey, service: ServiceName): Promise<IssuedCertificate>
  /** For a key that never leaves this process. `names` are host names and IP addresses. */
  issueServer(names: readonly string[]): Promise<ServerCredentials>
  /** What is told to hosts, which know this authority alone (ADR 2026-11-22-host-configuration). */
  readonly dsseSigner: AuthoritySigner
}

export type IssuingOptions = {
  /** Of the certificate of a host; a day where it is left out. */
  readonly hostLifetimeMs?: number | undefined
  readonly clock: Clock
}

/** Throws CA_ENDED where the certificate of the CA is over: nothing would take what it certifies. */
export function issuingBy({ key, chain }: IssuingCa, options: IssuingOptions): Issuing {
  const { hostLifetimeMs = lifetimesMs.host, clock } = options
  const issuer = new x509.X509Certificate(Uint8Array.from(chain[0].raw))
  const algorithm = caAlgorithmOf(key) as CaAlgorithm
  const signingKey = key.toCryptoKey(algorithm.key, false, ['sign'])
  const authorityKeyId = keyIdOf(issuer)

  async function issue(
    subject: string,
    publicKey: x509.PublicKeyType,
    lifetimeMs: number,
    names: x509.JsonGeneralName[],
    usage: x509.ExtendedKeyUsage,
  ): Promise<IssuedCertificate> {
    // X.509 knows whole seconds only.
    const nowMs = Math.floor(clock.nowMs() / 1000) * 1000
    const endMs = issuer.notAfter.getTime()
    if (nowMs >= endMs)
      throw identityError('CA_ENDED', {
        attempted: `certifying ${subject}`,
        received: `a CA that ended at ${issuer.notAfter.toISOString()}`,
      })
    const notBeforeMs = Math.max(nowMs - backdatingOf(lifetimeMs), issuer.notBefore.getTime())
    const expiresAtMs = Math.min(nowMs + lifetimeMs, endMs)
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: [{ CN: [subject] }],
      issuer: issuer.subjectName,
      notBefore: new Date(notBeforeMs),
      notAfter: new Date(expiresAtMs),
      signingAlgorithm: algorithm.signature,
      signingKey,
      publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        new x509.SubjectAlternativeNameExtension(names),
        await authorityKeyId,
      ],
    })
    const certificate = new Uint8Array(issued.rawData)
    const above = chain.map(({ raw }) => new Uint8Array(raw))
    return { certificate, chain: [certificate, ...above], serial: issued.serialNumber, notBeforeMs, expiresAtMs }
  }

  const issueClient = (subject: string, { spki }: CertifiedKey, lifetimeMs: number, uri: string) =>
    issue(subject, spki, lifetimeMs, [{ type: 'url', value: uri }], x509.ExtendedKeyUsage.clientAuth)

  return {
    dsseSigner: authoritySigner(key, chain),
    issueHost: (key, hostId) => issueClient(hostId, key, hostLifetimeMs, hostUri(hostId)),
    issueService: (key, service) => issueClient(service.certificateId, key, lifetimesMs.service, serviceUri(service)),
    issueServer: async (names) => {
      const keys = await crypto.subtle.generateKey(serverKey, true, ['sign', 'verify'])
      const sans = names.map((value): x509.JsonGeneralName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
      const usage = x509.ExtendedKeyUsage.serverAuth
      const issued = await issue('Sealwatch server', keys.publicKey, lifetimesMs.server, sans, usage)
      // The CA goes along: an agent that holds only its fingerprint learns it from the handshake.
      const cert = pemOf([new X509Certificate(issued.certificate), ...chain])
      const { notBeforeMs, expiresAtMs } = issued
      return { cert, key: await privatePem(keys.privateKey), notBeforeMs, expiresAtMs }
    },
  }
}

const serverKey = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** As the CA names its own key; others than we derive it in another way. */
async function keyIdOf(issuer: x509.X509Certificate): Promise<x509.Extension> {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension)
  if (own !== null) return new x509.AuthorityKeyIdentifierExtension(own.keyId)
  return x509.AuthorityKeyIdentifierExtension.create(issuer)
}

/** 126 random bits; the leading bits 01 keep the number positive and its DER minimal (RFC 5280, 4.1.2.2). */
export function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return bytes.toString('hex')
}

export async function privatePem(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }) as string
}

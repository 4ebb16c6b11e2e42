// SPDX-License-Identifier: Apache-2.0

// @peculiar/x509 needs this polyfill before it.
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, hash, type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import type { Clock, Disk } from '@sealwatch/base'
import { authoritySigner, type DsseSigner } from '@sealwatch/keys'
import { hostUri, type ServiceName, serviceUri } from './certificate.ts'
import type { CertifiedKey } from './certificate-request.ts'
import { identityError } from './errors.ts'

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
/** Certificates begin in the past, for hosts whose clock is behind; of a short life only by a small part of it. */
const backdatingMsMax = 5 * minuteMs
const backdatingOf = (lifetimeMs: number) => Math.min(backdatingMsMax, Math.floor(lifetimeMs / 12_000) * 1000)
export const lifetimesMs = { authority: 3650 * dayMs, host: dayMs, service: dayMs, server: 7 * dayMs } as const

export type IssuedCertificate = {
  /** DER. */
  readonly certificate: Uint8Array
  /** Hex. */
  readonly serial: string
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

export type ServerCredentials = { readonly cert: string; readonly key: string; readonly expiresAtMs: number }

/** The deployment's certificate authority: the one anchor that its agents and its server trust. */
export type Authority = {
  readonly certificate: X509Certificate
  /** Hex SHA-256 of the certificate in DER: what join tokens and `trust.json` pin. */
  readonly fingerprint: string
  issueHost(key: CertifiedKey, hostId: string): Promise<IssuedCertificate>
  issueService(key: CertifiedKey, service: ServiceName): Promise<IssuedCertificate>
  /** For a key that never leaves this process. `names` are host names and IP addresses. */
  issueServer(names: readonly string[]): Promise<ServerCredentials>
  /** What is told to hosts, which know this key alone (ADR 2026-11-22-host-configuration). */
  readonly dsseSigner: DsseSigner
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/**
 * Reads the authority at `path`, or founds one there. Key and certificate share one file, replaced as a whole, so that
 * neither can be without the other. Throws CA_UNREADABLE.
 */
export async function openAuthority(options: {
  readonly path: string
  /** Stands in the certificate's subject. */
  readonly deployment: string
  /** Of the certificate of a host; a day where it is left out. */
  readonly hostLifetimeMs?: number | undefined
  readonly disk: Disk
  readonly clock: Clock
}): Promise<Authority> {
  const { path, deployment, hostLifetimeMs = lifetimesMs.host, disk, clock } = options
  let pem = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw identityError('CA_UNREADABLE', { attempted: `reading ${path}`, received: cause.code, cause })
  })
  if (pem === undefined) {
    pem = await found(deployment, clock.nowMs())
    await disk.replace(path, pem, 0o600)
  }
  return authorityOf(path, pem, hostLifetimeMs, clock)
}

async function found(deployment: string, nowMs: number): Promise<string> {
  const keys = await crypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [`Sealwatch CA ${deployment}`] }],
    notBefore: new Date(nowMs - backdatingMsMax),
    notAfter: new Date(nowMs + lifetimesMs.authority),
    signingAlgorithm: ecdsa,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return `${await privatePem(keys.privateKey)}${certificate.toString('pem')}\n`
}

function authorityOf(path: string, pem: string, hostLifetimeMs: number, clock: Clock): Authority {
  const { key, certificate } = parseAuthority(path, pem)
  const issuer = new x509.X509Certificate(certificate.raw)
  const signingKey = key.toCryptoKey(ecdsa, false, ['sign'])
  const authorityKeyId = x509.AuthorityKeyIdentifierExtension.create(issuer)

  async function issue(
    subject: string,
    publicKey: x509.PublicKeyType,
    lifetimeMs: number,
    names: x509.JsonGeneralName[],
    usage: x509.ExtendedKeyUsage,
  ): Promise<IssuedCertificate> {
    // X.509 knows whole seconds only.
    const nowMs = Math.floor(clock.nowMs() / 1000) * 1000
    const notBeforeMs = nowMs - backdatingOf(lifetimeMs)
    const expiresAtMs = Math.min(nowMs + lifetimeMs, issuer.notAfter.getTime())
    const issued = await x509.X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: [{ CN: [subject] }],
      issuer: issuer.subjectName,
      notBefore: new Date(notBeforeMs),
      notAfter: new Date(expiresAtMs),
      signingAlgorithm: ecdsa,
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
    return { certificate: new Uint8Array(issued.rawData), serial: issued.serialNumber, notBeforeMs, expiresAtMs }
  }

  const issueClient = (subject: string, { spki }: CertifiedKey, lifetimeMs: number, uri: string) =>
    issue(subject, spki, lifetimeMs, [{ type: 'url', value: uri }], x509.ExtendedKeyUsage.clientAuth)

  return {
    certificate,
    fingerprint: hash('sha256', certificate.raw, 'hex'),
    dsseSigner: authoritySigner(key, certificate),
    issueHost: (key, hostId) => issueClient(hostId, key, hostLifetimeMs, hostUri(hostId)),
    issueService: (key, service) => issueClient(service.certificateId, key, lifetimesMs.service, serviceUri(service)),
    issueServer: async (names) => {
      const keys = await crypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
      const sans = names.map((value): x509.JsonGeneralName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
      const usage = x509.ExtendedKeyUsage.serverAuth
      const { certificate: der, expiresAtMs } = await issue(
        'Sealwatch server',
        keys.publicKey,
        lifetimesMs.server,
        sans,
        usage,
      )
      // The CA goes along: an agent that holds only its fingerprint learns it from the handshake.
      const cert = new X509Certificate(der).toString() + certificate.toString()
      return { cert, key: await privatePem(keys.privateKey), expiresAtMs }
    },
  }
}

function parseAuthority(path: string, pem: string): { key: KeyObject; certificate: X509Certificate } {
  try {
    const key = createPrivateKey(pem)
    const certificate = new X509Certificate(pem)
    if (!certificate.ca || !certificate.publicKey.equals(createPublicKey(key)))
      throw new Error('they do not belong together')
    return { key, certificate }
  } catch (cause) {
    throw identityError('CA_UNREADABLE', { attempted: `reading ${path}`, cause })
  }
}

/** 126 random bits; the leading bits 01 keep the number positive and its DER minimal (RFC 5280, 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return bytes.toString('hex')
}

async function privatePem(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }) as string
}

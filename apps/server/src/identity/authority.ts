// SPDX-License-Identifier: Apache-2.0

// @peculiar/x509 needs this polyfill before it.
import 'reflect-metadata'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as x509 from '@peculiar/x509'
import type { Clock, Disk, SealwatchError } from '@sealwatch/base'
import { authorityFingerprint } from '@sealwatch/keys'
import { identityError } from './errors.ts'
import {
  backdatingMsMax,
  type Issuing,
  type IssuingCa,
  type IssuingOptions,
  issuingBy,
  lifetimesMs,
  newSerial,
  privatePem,
} from './issuing.ts'

/** The deployment's certificate authority: what its agents, its services and its server trust alone. */
export type Authority = Issuing & {
  /** Of the CA that issues now. */
  readonly certificate: X509Certificate
  /** Of those under which certificates count: that one, and those before it. */
  readonly issuers: readonly X509Certificate[]
  /** Hex SHA-256 (agent-protocol.md, 10.1): what join tokens and `trust.json` pin. */
  readonly fingerprint: string
  /** Why what an operator's file holds now is not the CA; undefined: it is. */
  readonly problem?: SealwatchError | undefined
  /** Follows an operator's file until the signal fires. */
  run?(signal: AbortSignal): Promise<void>
}

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/**
 * Reads the built-in authority at `path`, or founds one there. Key and certificate share one file, replaced as a whole, so that
 * neither can be without the other. Throws CA_UNREADABLE.
 */
export async function openAuthority(
  options: IssuingOptions & {
    readonly path: string
    /** Stands in the certificate's subject. */
    readonly deployment: string
    readonly disk: Disk
    readonly clock: Clock
  },
): Promise<Authority> {
  const { path, deployment, disk, clock } = options
  let pem = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw identityError('CA_UNREADABLE', { attempted: `reading ${path}`, received: cause.code, cause })
  })
  if (pem === undefined) {
    pem = await found(deployment, clock.nowMs())
    await disk.replace(path, pem, 0o600)
  }
  const ca = parseAuthority(path, pem)
  const [certificate] = ca.chain
  return { ...issuingBy(ca, options), certificate, issuers: [certificate], fingerprint: authorityFingerprint(ca.chain) }
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

function parseAuthority(path: string, pem: string): IssuingCa {
  try {
    const key = createPrivateKey(pem)
    const certificate = new X509Certificate(pem)
    if (!certificate.ca || !certificate.publicKey.equals(createPublicKey(key)))
      throw new Error('they do not belong together')
    return { key, chain: [certificate] }
  } catch (cause) {
    throw identityError('CA_UNREADABLE', { attempted: `reading ${path}`, cause })
  }
}

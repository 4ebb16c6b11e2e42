// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Disk } from '@sealwatch/base'
import { shipError } from './errors.ts'

/** Who this host is to its server. */
export type Identity = {
  readonly hostId: string
  /** PEM: private key, certificate of the host, certificate of the deployment's CA. */
  readonly keyPem: string
  readonly certificatePem: string
  readonly authorityPem: string
  /** Hex. */
  readonly serial: string
  readonly notBeforeMs: number
  readonly expiresAtMs: number
}

const hostUriForm = /^URI:sealwatch:host:([0-9a-f]{32})$/

/** undefined where there is none yet. Throws IDENTITY_UNREADABLE. */
export async function readIdentity(path: string): Promise<Identity | undefined> {
  try {
    const pem = await readFile(path, 'utf8')
    const [leaf, authority, ...more] = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    if (more.length > 0) throw new Error(`${more.length + 2} certificates`)
    return identityOf(createPrivateKey(pem), new X509Certificate(leaf ?? ''), new X509Certificate(authority ?? ''))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw shipError('IDENTITY_UNREADABLE', { attempted: `reading ${path}`, cause })
  }
}

/** One file, replaced as a whole: a crash leaves the old identity or the new one, never a key without its certificate. */
export async function writeIdentity(path: string, identity: Identity, disk: Disk): Promise<void> {
  await disk.replace(path, identity.keyPem + identity.certificatePem + identity.authorityPem, 0o600)
}

/**
 * Accepts the certificates that the server issued for `key`: leaf first, the CA last. `authority` is the CA that the
 * agent already trusts: an answer cannot change it. Throws CERTIFICATE_UNUSABLE.
 */
export function acceptCertificates(
  key: KeyObject,
  certificates: readonly Uint8Array[],
  authority: X509Certificate,
  hostId: string,
): Identity {
  const attempted = 'reading the certificates that the server issued'
  let identity: Identity
  try {
    identity = identityOf(key, new X509Certificate(certificates[0] ?? Buffer.alloc(0)), authority)
  } catch (cause) {
    throw shipError('CERTIFICATE_UNUSABLE', { attempted, cause })
  }
  if (identity.hostId === hostId) return identity
  throw shipError('CERTIFICATE_UNUSABLE', { attempted, received: `a certificate for the host ${identity.hostId}` })
}

function identityOf(key: KeyObject, leaf: X509Certificate, authority: X509Certificate): Identity {
  const hostId = hostUriForm.exec(leaf.subjectAltName ?? '')?.[1]
  if (hostId === undefined) throw new Error(`subjectAltName ${leaf.subjectAltName}`)
  if (!leaf.checkPrivateKey(key)) throw new Error('the certificate is for another key')
  if (!leaf.checkIssued(authority) || !leaf.verify(authority.publicKey))
    throw new Error('the certificate is of another CA')
  return {
    hostId,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificatePem: leaf.toString(),
    authorityPem: authority.toString(),
    serial: leaf.serialNumber.toLowerCase(),
    notBeforeMs: leaf.validFromDate.getTime(),
    expiresAtMs: leaf.validToDate.getTime(),
  }
}

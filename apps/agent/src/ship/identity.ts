// SPDX-License-Identifier: Apache-2.0

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Disk } from '@sealwatch/base'
import { authorityFingerprint, certificatesIn, chainIn, isSignedBy, pemOf } from '@sealwatch/keys'
import { shipError } from './errors.ts'

/** Who this host is to its server. */
export type Identity = {
  readonly hostId: string
  /** PEM: private key, certificate of the host, those of the CAs above it, the root last. */
  readonly keyPem: string
  readonly certificatePem: string
  readonly authorityPem: string
  /** Fingerprint of the authority that these make (agent-protocol.md, 10.1). */
  readonly authority: string
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
    const [leaf, ...above] = certificatesIn(pem)
    if (leaf === undefined || above.length === 0) throw new Error(`${above.length} certificates of a CA`)
    return identityOf(createPrivateKey(pem), leaf, above, undefined)
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
 * Accepts the certificates that the server issued for `key`: leaf first, the root last. `authority` is the fingerprint of the one
 * that the agent already trusts: an answer cannot change it. Throws CERTIFICATE_UNUSABLE.
 */
export function acceptCertificates(
  key: KeyObject,
  certificates: readonly Uint8Array[],
  authority: string,
  hostId: string,
): Identity {
  const attempted = 'reading the certificates that the server issued'
  let identity: Identity
  try {
    const [leaf, ...above] = certificates.map((der) => new X509Certificate(der))
    if (leaf === undefined) throw new Error('no certificate')
    identity = identityOf(key, leaf, above, authority)
  } catch (cause) {
    throw shipError('CERTIFICATE_UNUSABLE', { attempted, cause })
  }
  if (identity.hostId === hostId) return identity
  throw shipError('CERTIFICATE_UNUSABLE', { attempted, received: `a certificate for the host ${identity.hostId}` })
}

/** `pin`: undefined where it is the agent's own file. */
function identityOf(
  key: KeyObject,
  leaf: X509Certificate,
  above: readonly X509Certificate[],
  pin: string | undefined,
): Identity {
  const hostId = hostUriForm.exec(leaf.subjectAltName ?? '')?.[1]
  if (hostId === undefined) throw new Error(`subjectAltName ${leaf.subjectAltName}`)
  if (!leaf.checkPrivateKey(key)) throw new Error('the certificate is for another key')
  const chain = chainIn(above)
  if (chain === undefined || !isSignedBy(leaf, chain[0])) throw new Error('the certificate is of another CA')
  if (chain.length !== above.length) throw new Error(`${above.length + 1} certificates`)
  const authority = authorityFingerprint(chain)
  if (authority !== (pin ?? authority)) throw new Error('the certificate is of another CA')
  return {
    hostId,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificatePem: leaf.toString(),
    authorityPem: pemOf(chain),
    authority,
    serial: leaf.serialNumber.toLowerCase(),
    notBeforeMs: leaf.validFromDate.getTime(),
    expiresAtMs: leaf.validToDate.getTime(),
  }
}

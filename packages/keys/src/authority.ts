// SPDX-License-Identifier: Apache-2.0
// Which certificate authority a deployment has, as its hosts and services pin it, and what is certified under it
// (docs/formats/agent-protocol.md, 10).

import { hash, X509Certificate } from 'node:crypto'
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls'

/** CA certificates, each signed by the next: the issuing one first, the root last. One alone is both. */
export type AuthorityChain = readonly [X509Certificate, ...X509Certificate[]]

/** Certificates of CAs, with the root. */
export const authorityChainMax = 4
/** Hexadecimal digits of a fingerprint: what a join token has of it. */
export const authorityPinChars = 32

const domain = Buffer.from('sealwatch.dev/authority/v1\n')

/**
 * What pins an authority: hex SHA-256. Of a CA that is its own root: of its certificate. Of one under a root: over the root's
 * certificate and the names of the others, so that the root may certify the same name for another key, and nobody else may.
 */
export function authorityFingerprint(chain: AuthorityChain): string {
  const root = rootOf(chain).raw
  if (chain.length === 1) return hash('sha256', root, 'hex')
  const names = chain.slice(0, -1).map(({ raw }) => subjectIn(raw))
  return hash('sha256', Buffer.concat([domain, hash('sha256', root, 'buffer'), ...names]), 'hex')
}

export const rootOf = (chain: AuthorityChain): X509Certificate => chain.at(-1) as X509Certificate

/**
 * What these certificates begin with, up to the first that signed itself, where all signatures hold. Times, purposes and constraints
 * are judged where a connection is made.
 */
export function chainIn(certificates: readonly X509Certificate[]): AuthorityChain | undefined {
  const end = certificates.findIndex((certificate) => certificate.checkIssued(certificate))
  const [issuer, ...above] = certificates.slice(0, end + 1)
  if (issuer === undefined || above.length >= authorityChainMax) return undefined
  const chain = [issuer, ...above] as const
  return chain.every((certificate, i) => isSignedBy(certificate, chain[i + 1] ?? certificate)) ? chain : undefined
}

/** The same, where its fingerprint begins with `pin`. */
export function authorityIn(certificates: readonly X509Certificate[], pin: string): AuthorityChain | undefined {
  const chain = chainIn(certificates)
  const isPinned = chain !== undefined && pin.length >= authorityPinChars && authorityFingerprint(chain).startsWith(pin)
  return isPinned ? chain : undefined
}

/** The same of the certificates above `leaf`, which the first of them has signed. */
export function authorityOver(
  leaf: X509Certificate,
  above: readonly X509Certificate[],
  pin: string,
): AuthorityChain | undefined {
  const chain = authorityIn(above, pin)
  return chain !== undefined && isSignedBy(leaf, chain[0]) ? chain : undefined
}

export const isSignedBy = (certificate: X509Certificate, by: X509Certificate): boolean =>
  by.ca && certificate.checkIssued(by) && certificate.verify(by.publicKey)

const certificateForm = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** Throws what OpenSSL throws. */
export const certificatesIn = (pem: string): X509Certificate[] =>
  (pem.match(certificateForm) ?? []).map((one) => new X509Certificate(one))

/** A chain that was verified before it was written down. Throws SyntaxError. */
export function chainOfPem(pem: string): AuthorityChain {
  const chain = chainIn(certificatesIn(pem))
  if (chain === undefined) throw new SyntaxError('no chain of certificates up to a root')
  return chain
}

export const pemOf = (certificates: readonly X509Certificate[]): string => certificates.map(String).join('')

/** What a peer showed: its own certificate first. */
export function certificatesShown(first: X509Certificate | undefined): readonly X509Certificate[] {
  const shown: X509Certificate[] = []
  for (let one = first; one !== undefined && shown.length <= authorityChainMax; one = one.issuerCertificate)
    shown.push(one)
  return shown
}

/** How whoever trusts one authority alone connects: one of another CA under the same root is no server of it. `pem`: its chain. */
export function trusting(pem: string): {
  readonly ca: string
  readonly checkServerIdentity: (name: string, shown: PeerCertificate) => Error | undefined
} {
  const chain = chainOfPem(pem)
  const pin = authorityFingerprint(chain)
  return {
    ca: rootOf(chain).toString(),
    checkServerIdentity: (name, shown) => {
      const [leaf, ...above] = peerChain(shown as DetailedPeerCertificate)
      if (leaf !== undefined && authorityOver(leaf, above, pin) !== undefined) return checkServerIdentity(name, shown)
      return new Error(`the server ${name} is certified by another authority than the one that is pinned`)
    },
  }
}

function peerChain(first: DetailedPeerCertificate): readonly X509Certificate[] {
  const shown: X509Certificate[] = []
  let one: DetailedPeerCertificate | undefined = first
  while (one?.raw !== undefined && shown.length <= authorityChainMax) {
    shown.push(new X509Certificate(one.raw))
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate
  }
  return shown
}

/** The subject as it stands there (RFC 5280, 4.1): two spellings of a name are two names. OpenSSL has read it before. */
function subjectIn(certificate: Uint8Array): Buffer {
  const tbs = element(element(Buffer.from(certificate)).content).content
  const hasVersion = tbs[0] === 0xa0
  const before = ['serialNumber', 'signature', 'issuer', 'validity'].length
  let rest = hasVersion ? element(tbs).rest : tbs
  for (let i = 0; i < before; i++) rest = element(rest).rest
  return element(rest).whole
}

/** The first element of DER (X.690, 8.1). */
function element(der: Buffer): { readonly whole: Buffer; readonly content: Buffer; readonly rest: Buffer } {
  const short = der.readUInt8(1)
  const lengthBytes = short < 0x80 ? 0 : short & 0x7f
  const begin = 2 + lengthBytes
  const end = begin + (lengthBytes === 0 ? short : der.readUIntBE(2, lengthBytes))
  return { whole: der.subarray(0, end), content: der.subarray(begin, end), rest: der.subarray(end) }
}

// SPDX-License-Identifier: Apache-2.0
// What the certificate authority of a deployment signs for its hosts besides their certificates: they know no other key of it
// (docs/adr/2026-11-22-host-configuration.md).

import { hash, type KeyObject, sign, verify, X509Certificate } from 'node:crypto'
import { type AuthorityChain, authorityChainMax, authorityIn } from './authority.ts'
import { type DsseEnvelope, type DsseSigner, openDsse } from './dsse.ts'

/** `chain`: of the CA that signs. */
export type AuthoritySigner = DsseSigner & { readonly chain: AuthorityChain }

/** Signs as the certificate authority: what is signed cannot be read as a certificate. */
export const authoritySigner = (key: KeyObject, chain: AuthorityChain): AuthoritySigner => ({
  keyid: issuerKeyId(chain[0]),
  chain,
  sign: async (message) => new Uint8Array(sign(digestFor(key), message, key)),
})

const issuerKeyId = (issuer: X509Certificate) => `ca:${hash('sha256', issuer.raw, 'hex')}`
const digestFor = ({ asymmetricKeyType }: KeyObject) => (asymmetricKeyType === 'ed25519' ? null : 'sha256')

/** As a document names by which CA it is signed: DER in base64. */
export const authorityMember = (chain: AuthorityChain): readonly string[] =>
  chain.map(({ raw }) => raw.toString('base64'))

/**
 * The certificate of the CA that a payload says to be signed by: of an authority whose fingerprint begins with `pin`, which may be another than the
 * host has heard of. What is read here is not verified yet. `unsaid`: where it says none. Undefined: it is of another authority.
 */
export function issuerOf(
  { payload }: DsseEnvelope,
  pin: string,
  unsaid?: X509Certificate,
): X509Certificate | undefined {
  try {
    const said = JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) as { readonly authority?: unknown } | null
    const ders = said?.authority
    if (ders === undefined) return unsaid
    if (!Array.isArray(ders) || ders.length > authorityChainMax) return undefined
    const chain = ders.map((der) => new X509Certificate(Buffer.from(String(der), 'base64')))
    return authorityIn(chain, pin)?.[0]
  } catch {
    return undefined
  }
}

/** The payload, where this CA has signed it. Throws DSSE_UNVERIFIED. */
export function openSignedBy(
  issuer: X509Certificate,
  envelope: DsseEnvelope,
  payloadType: string,
  attempted: string,
): string {
  const { publicKey } = issuer
  const trusted = {
    keyid: issuerKeyId(issuer),
    verify: (message: Uint8Array, signature: Uint8Array) => verify(digestFor(publicKey), message, publicKey, signature),
  }
  return Buffer.from(openDsse(envelope, payloadType, [trusted], attempted).payload).toString('utf8')
}

/** Clocks of hosts and servers differ; one that is off by a minute is alerted of (agent-protocol.md, 8.4). */
export const clockSlackMs = 5 * 60_000

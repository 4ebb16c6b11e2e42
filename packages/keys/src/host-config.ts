// SPDX-License-Identifier: Apache-2.0
// What a server tells a host, signed by the certificate authority that the host pinned when it enrolled
// (docs/formats/host-config.md).

import { hash } from 'node:crypto'
import {
  canonicalize,
  type ErrorTable,
  errorsOf,
  type Json,
  type JsonObject,
  parseCanonical,
  parseRfc3339,
} from '@sealwatch/base'
import { type HostConfig, hostConfigIn, hostConfigLimits } from '@sealwatch/contract/host-config'
import { type AuthorityChain, authorityFingerprint } from './authority.ts'
import { type AuthoritySigner, authorityMember, clockSlackMs, issuerOf, openSignedBy } from './authority-signer.ts'
import { type DsseEnvelope, parseDsse, signDsse } from './dsse.ts'

export const hostConfigErrors = {
  HOST_CONFIG_INVALID: {
    kind: 'invalid',
    rule: 'a host takes a configuration that is signed by its CA, for itself, whole, and under way for a day at most (host-config.md)',
    advice: 'Look at the clocks of both; if they are right, the document was altered or is that of another host',
  },
} as const satisfies ErrorTable
const hostConfigError = errorsOf(hostConfigErrors)

export const hostConfigType = 'application/vnd.sealwatch.host-config.v1+json'

export type HostConfigStatement = {
  readonly v: 1
  /** Who it is for: `host_id`. */
  readonly host: string
  readonly tenant: string
  /** Of this host's configurations; each is greater than the one before. */
  readonly version: number
  /** Hex SHA-256 of `config` in canonical form. */
  readonly digest: string
  /** RFC 3339. After `expires_at` it is not taken any more; one that was taken goes on. */
  readonly issued_at: string
  readonly expires_at: string
  /** DER in base64: by which CA it is signed, and those above it. Left out where that is its own root: the host knows it. */
  readonly authority?: readonly string[]
  readonly config: HostConfig
}

export const hostConfigDigest = (config: HostConfig): string =>
  hash('sha256', canonicalize(config as unknown as JsonObject), 'hex')

export function signHostConfig(
  statement: HostConfigStatement,
  signer: AuthoritySigner,
  signal: AbortSignal,
): Promise<DsseEnvelope> {
  const { chain } = signer
  const said = chain.length === 1 ? statement : { ...statement, authority: authorityMember(chain) }
  const payload = Buffer.from(canonicalize(said as unknown as JsonObject))
  return signDsse(hostConfigType, payload, [signer], signal)
}

/**
 * What an envelope says to this host, which pinned this authority. `nowMs` undefined: it was taken before, and its time does not count any more. Throws
 * DSSE_MALFORMED, DSSE_UNVERIFIED or HOST_CONFIG_INVALID.
 */
export function openHostConfig(
  envelope: string,
  of: { readonly authority: AuthorityChain; readonly hostId: string; readonly nowMs: number | undefined },
): HostConfigStatement {
  const attempted = `reading a configuration for the host ${of.hostId}`
  const wrong = (received: string) => hostConfigError('HOST_CONFIG_INVALID', { attempted, received })
  const signed = parseDsse(jsonIn(envelope), attempted)
  const issuer = issuerOf(signed, authorityFingerprint(of.authority), of.authority[0])
  if (issuer === undefined) throw wrong('one by another authority')
  const payload = openSignedBy(issuer, signed, hostConfigType, attempted)
  const said = parseCanonical(payload, attempted) as Partial<HostConfigStatement>
  const { v, host, tenant, version, digest, issued_at, expires_at, config: given } = said
  if (v !== 1) throw wrong('another version of the form')
  if (host !== of.hostId) throw wrong(`one for the host ${String(host).slice(0, 64)}`)
  if (typeof tenant !== 'string' || !Number.isSafeInteger(version) || (version as number) < 1)
    throw wrong('no tenant or version')
  const [fromMs, toMs] = [msOf(issued_at), msOf(expires_at)]
  if (fromMs === undefined || toMs === undefined || toMs - fromMs > hostConfigLimits.lifeMs) throw wrong('no such time')
  if (of.nowMs !== undefined && (of.nowMs < fromMs - clockSlackMs || of.nowMs >= toMs))
    throw wrong(`one from ${issued_at} to ${expires_at}`)
  if (of.nowMs !== undefined && (of.nowMs < issuer.validFromDate.getTime() || of.nowMs >= issuer.validToDate.getTime()))
    throw wrong(`one by a CA that is valid from ${issuer.validFrom} to ${issuer.validTo}`)
  const config = hostConfigIn(given)
  if (config === undefined) throw wrong('a configuration of another form')
  if (hostConfigDigest(config) !== digest) throw wrong('another digest than that of its configuration')
  const altered = config.policies.find((policy) => hash('sha256', policy.document, 'hex') !== policy.digest)
  if (altered !== undefined) throw wrong(`another digest than that of the policy ${altered.id}`)
  return said as HostConfigStatement
}

function msOf(text: unknown): number | undefined {
  const ns = typeof text === 'string' ? parseRfc3339(text) : undefined
  return ns === undefined ? undefined : Number(ns / 1_000_000n)
}

function jsonIn(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

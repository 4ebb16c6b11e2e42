// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, type SealwatchError } from '@sealwatch/base/errors'
import type { Json } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseVerifier } from '@sealwatch/keys/dsse'
import type { Sha256 } from './merkle.ts'
import { openPayload } from './signed-payload.ts'

export const securityPolicyErrors = {
  SECURITY_POLICY_MALFORMED: {
    kind: 'invalid',
    rule: 'a signed policy is the statement of one version, and the document that it names (policy.md, 5)',
    advice: 'Fetch the policy from the server again',
  },
  POLICY_UNVERIFIED: {
    kind: 'unverified',
    rule: 'a key that is trusted has signed the policy, for this deployment and this tenant (policy.md, 6)',
    advice: 'Fetch the policy from the server that the pinned key belongs to; one that stays unverified was altered',
  },
  POLICY_STALE: {
    kind: 'conflict',
    rule: 'a version of a policy comes after the one that is known, and names it where it follows at once (policy.md, 6)',
    advice: 'Keep the version that is known: an older one was shown, or another in its place',
  },
} as const satisfies ErrorTable
const policyError = errorsOf(securityPolicyErrors)

export const policyStatementType = 'application/vnd.sealwatch.policy.v1+json'

/** What a deployment says of a policy: from `time` on, its version `version` is the document of that digest. */
export type PolicyStatement = {
  /** Hex SHA-256 of the document in canonical form; null: the policy is deleted. */
  readonly digest: string | null
  /** Of the deployment's root ledger. */
  readonly origin: string
  readonly policy: string
  /** Hex SHA-256 of the payload of the version before; null: there is none. */
  readonly prev: string | null
  readonly tenant: string
  /** RFC 3339 in UTC. */
  readonly time: string
  readonly v: 1
  /** From 1 on, one after the other. */
  readonly version: number
}

declare const verified: unique symbol
/** A version of a policy that a trusted key has signed. Only `openPolicy` makes one. */
export type VerifiedPolicy = {
  readonly statement: PolicyStatement
  /** Hex SHA-256 of the payload: what the next version names. */
  readonly statementDigest: string
  /** Canonical text; undefined: the policy is deleted. */
  readonly document: string | undefined
  /** Key ids of the trusted keys that signed. */
  readonly signers: readonly string[]
  readonly [verified]: true
}

const members = ['digest', 'origin', 'policy', 'prev', 'tenant', 'time', 'v', 'version']
const hashForm = /^[0-9a-f]{64}$/
const utf8 = new TextEncoder()

/**
 * Throws unless one of `trusted` has signed the statement, it is of this deployment and tenant, and the document is the
 * one it names. The document is not judged: whoever means to follow it validates it.
 */
export function openPolicy(
  sha256: Sha256,
  { envelope, document }: { readonly envelope: Json | undefined; readonly document: string | undefined },
  trusted: readonly DsseVerifier[],
  due: { readonly origin: string; readonly tenant: string },
  attempted: string,
): VerifiedPolicy {
  const unverified = (received: string | undefined, cause?: SealwatchError) =>
    policyError('POLICY_UNVERIFIED', { attempted, received, cause })
  const malformed = (received: string | undefined) => policyError('SECURITY_POLICY_MALFORMED', { attempted, received })
  const form = { type: policyStatementType, members, attempted, unverified, malformed }
  const { fields, payload, signers } = openPayload(envelope, form, trusted)
  const { digest, origin, policy, prev, tenant, time, version } = fields
  const isFormed =
    isHashOrNull(digest) &&
    isHashOrNull(prev) &&
    isText(origin) &&
    isText(policy) &&
    isText(tenant) &&
    parseRfc3339(String(time)) !== undefined &&
    Number.isSafeInteger(version) &&
    (version as number) >= 1 &&
    (version === 1) === (prev === null)
  if (!isFormed) throw malformed(JSON.stringify(fields))
  if (origin !== due.origin || tenant !== due.tenant)
    throw unverified(
      `a policy of the tenant ${tenant} of ${origin}, where one of ${due.tenant} of ${due.origin} was due`,
    )
  const found = document === undefined ? null : sha256(utf8.encode(document)).toHex()
  if (found !== digest) throw unverified(`a document whose digest is ${found}, where ${digest} was signed`)
  const statement = fields as unknown as PolicyStatement
  return { statement, statementDigest: sha256(payload).toHex(), document, signers } as unknown as VerifiedPolicy
}

/** Throws POLICY_STALE unless `next` comes after what is known of the same policy. */
export function followPolicy(
  known: VerifiedPolicy | undefined,
  next: VerifiedPolicy,
  attempted: string,
): VerifiedPolicy {
  if (known === undefined) return next
  const { policy, version, prev } = next.statement
  const isNext = version === known.statement.version + 1
  const follows = version > known.statement.version && (!isNext || prev === known.statementDigest)
  if (policy === known.statement.policy && follows) return next
  const received = `version ${version} of ${policy} after version ${known.statement.version} of ${known.statement.policy}`
  throw policyError('POLICY_STALE', { attempted, received })
}

const isHashOrNull = (value: Json | undefined) => value === null || (typeof value === 'string' && hashForm.test(value))
const isText = (value: Json | undefined) => typeof value === 'string' && value.length >= 1 && value.length <= 256

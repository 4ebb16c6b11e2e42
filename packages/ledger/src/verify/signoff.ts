// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, type SealwatchError } from '@sealwatch/base/errors'
import type { Json } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseVerifier } from '@sealwatch/keys/dsse'
import type { Sha256 } from './merkle.ts'
import { openPayload } from './signed-payload.ts'

export const signoffErrors = {
  SIGNOFF_MALFORMED: {
    kind: 'invalid',
    rule: 'what is signed of a sign-off is its statement, of exactly the members of docs/formats/signoff.md, 1',
    advice: 'Write the sign-off to a file again: `sealwatch signoff show ID -o FILE`',
  },
  SIGNOFF_UNVERIFIED: {
    kind: 'unverified',
    rule: 'a key that is trusted has signed the sign-off, for its deployment, and the checklist is the one that it names (signoff.md, 3)',
    advice: 'Compare the trusted key and the checklist with copies from elsewhere; what stays unverified was altered',
  },
} as const satisfies ErrorTable
const signoffError = errorsOf(signoffErrors)

export const signoffType = 'application/vnd.sealwatch.signoff.v1+json'

/** What a deployment says: at `time`, `approver` accepted what the checklist asks for, as of this commit or pull request. */
export type SignoffStatement = {
  /** `kind:id` of the principal who approved last. */
  readonly approver: string
  /** `kind:id` of the principal who acted: the approver, or the operator for them. */
  readonly by: string
  /** Hex SHA-256 of the bytes of the checklist. */
  readonly checklist: string
  /** Hex; null: there is a pull request instead. */
  readonly commit: string | null
  /** Ends in `.signoff`. */
  readonly name: string
  /** Of the deployment's root ledger. */
  readonly origin: string
  readonly pull_request: string | null
  readonly tenant: string
  /** RFC 3339 in UTC. */
  readonly time: string
  readonly v: 1
}

declare const verified: unique symbol
/** A sign-off that a trusted key has signed. Only `openSignoff` makes one. */
export type VerifiedSignoff = {
  readonly statement: SignoffStatement
  /** Hex SHA-256 of the payload. */
  readonly id: string
  readonly signers: readonly string[]
  readonly [verified]: true
}

const members = ['approver', 'by', 'checklist', 'commit', 'name', 'origin', 'pull_request', 'tenant', 'time', 'v']
const principalForm = /^[a-z]+:[\x21-\x7e]{1,128}$/

/** One to four segments of lower-case letters, digits and inner hyphens, each with its dot; then `signoff`. */
export const signoffNameForm = /^(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?\.){1,4}signoff$/
export const commitForm = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/
/** An address, or OWNER/REPOSITORY#NUMBER, as forges write it. */
export const pullRequestForm = /^(?:https:\/\/[\x21-\x7e]{1,248}|[\w.-]{1,100}(?:\/[\w.-]{1,100}){1,3}[#!]\d{1,10})$/

/**
 * Throws unless one of `trusted` has signed the statement, it is of one of the deployments `origins`, and the checklist,
 * where it is given, is the one that it names.
 */
export function openSignoff(
  sha256: Sha256,
  { envelope, checklist }: { readonly envelope: Json | undefined; readonly checklist?: Uint8Array | undefined },
  trusted: readonly DsseVerifier[],
  origins: readonly string[],
  attempted: string,
): VerifiedSignoff {
  const unverified = (received: string | undefined, cause?: SealwatchError) =>
    signoffError('SIGNOFF_UNVERIFIED', { attempted, received, cause })
  const malformed = (received: string | undefined) => signoffError('SIGNOFF_MALFORMED', { attempted, received })
  const form = { type: signoffType, members, attempted, unverified, malformed }
  const { fields, payload, signers } = openPayload(envelope, form, trusted)
  const { approver, by, commit, name, origin, pull_request, tenant, time } = fields
  const isFormed =
    [approver, by].every((one) => matches(principalForm, one)) &&
    matches(/^[0-9a-f]{64}$/, fields.checklist) &&
    (commit === null || matches(commitForm, commit)) &&
    (pull_request === null || matches(pullRequestForm, pull_request)) &&
    (commit !== null || pull_request !== null) &&
    matches(signoffNameForm, name) &&
    [origin, tenant].every((one) => matches(/^.{1,256}$/, one)) &&
    parseRfc3339(String(time)) !== undefined
  if (!isFormed) throw malformed(JSON.stringify(fields))
  const statement = fields as unknown as SignoffStatement
  if (!origins.includes(statement.origin))
    throw unverified(`a sign-off of ${statement.origin}, where one of ${origins.join(', ')} was due`)
  const found = checklist && sha256(checklist).toHex()
  if (found !== undefined && found !== statement.checklist)
    throw unverified(`a checklist whose digest is ${found}, where ${statement.checklist} was signed`)
  return { statement, id: sha256(payload).toHex(), signers } as unknown as VerifiedSignoff
}

const matches = (form: RegExp, value: Json | undefined) => typeof value === 'string' && form.test(value)

// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf, type SealwatchError } from '@sealwatch/base/errors'
import type { Json } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseVerifier } from '@sealwatch/keys/dsse'
import type { Sha256 } from './merkle.ts'
import type { NoteVerifier, VerifyEd25519 } from './note.ts'
import { openPayload } from './signed-payload.ts'

export const delegationErrors = {
  DELEGATION_MALFORMED: {
    kind: 'invalid',
    rule: 'a delegation names one node key for at most 24 hours, a countersignature one root checkpoint (delegation.md, 2 and 3)',
    advice: 'Take the envelope from the root ledger again',
  },
  DELEGATION_UNVERIFIED: {
    kind: 'unverified',
    rule: 'a key that you trust has signed the delegation of the key that signs checkpoints, for that time (delegation.md, 4)',
    advice: 'Pass the right key with --trust; `sealwatch status` shows it on the machine of the control plane',
  },
} as const satisfies ErrorTable
const delegationError = errorsOf(delegationErrors)

export const delegationType = 'application/vnd.sealwatch.delegation.v1+json'
export const countersignatureType = 'application/vnd.sealwatch.root-checkpoint.v1+json'
export const delegationNsMax = 86_400_000_000_000n

/** What a delegation says: `key` may sign checkpoints of the deployment whose root ledger is `origin`. */
export type Delegation = {
  /** Of the root ledger. */
  readonly origin: string
  /** Raw Ed25519 key, hex. */
  readonly key: string
  /** RFC 3339 in UTC; the window is half-open and at most 24 hours. */
  readonly valid_from: string
  readonly valid_until: string
  readonly v: 1
}

/** That the deployment's signer has seen the text of a root checkpoint at a time. */
export type Countersignature = { readonly checkpoint: string; readonly time: string; readonly v: 1 }

declare const verified: unique symbol
/** A node key that a trusted key has certified. Only `openDelegation` makes one. */
export type NodeKey = {
  readonly publicKey: Uint8Array
  readonly origin: string
  readonly validFrom: string
  readonly validUntil: string
  /** Key ids of the trusted keys that signed. */
  readonly signers: readonly string[]
  readonly [verified]: true
}

/** RFC 8410: an Ed25519 key as SubjectPublicKeyInfo, whose SHA-256 is the key id in envelopes. */
const spkiPrefix = Uint8Array.fromHex('302a300506032b6570032100')

export function ed25519KeyId(sha256: Sha256, publicKey: Uint8Array): string {
  const spki = new Uint8Array(spkiPrefix.length + publicKey.length)
  spki.set(spkiPrefix)
  spki.set(publicKey, spkiPrefix.length)
  return sha256(spki).toHex()
}

/** How the log key of a deployment judges envelopes. */
export function logKeyVerifier(sha256: Sha256, verify: VerifyEd25519, { publicKey }: NoteVerifier): DsseVerifier {
  return {
    keyid: ed25519KeyId(sha256, publicKey),
    verify: (message, signature) => verify(publicKey, message, signature),
  }
}

/** Throws unless one of `trusted` has signed the delegation. */
export function openDelegation(
  envelope: Json | undefined,
  trusted: readonly DsseVerifier[],
  attempted: string,
): NodeKey {
  const members = ['key', 'origin', 'v', 'valid_from', 'valid_until']
  const { fields, signers } = openPayload(envelope, formOf(delegationType, members, attempted), trusted)
  const { key, origin, valid_from, valid_until } = fields
  const from = parseRfc3339(String(valid_from))
  const until = parseRfc3339(String(valid_until))
  const isFormed =
    typeof key === 'string' &&
    /^[0-9a-f]{64}$/.test(key) &&
    typeof origin === 'string' &&
    from !== undefined &&
    until !== undefined &&
    until > from &&
    until - from <= delegationNsMax
  if (!isFormed) throw delegationError('DELEGATION_MALFORMED', { attempted, received: JSON.stringify(fields) })
  const nodeKey = {
    publicKey: Uint8Array.fromHex(key),
    origin,
    validFrom: valid_from,
    validUntil: valid_until,
    signers,
  }
  return nodeKey as unknown as NodeKey
}

/** Throws unless one of `trusted` has signed the text of this checkpoint; returns when, and who. */
export function openCountersignature(
  envelope: Json | undefined,
  checkpointText: string,
  trusted: readonly DsseVerifier[],
  attempted: string,
): { time: string; signers: readonly string[] } {
  const form = formOf(countersignatureType, ['checkpoint', 'time', 'v'], attempted)
  const { fields, signers } = openPayload(envelope, form, trusted)
  const { checkpoint, time } = fields
  if (typeof time !== 'string' || parseRfc3339(time) === undefined || typeof checkpoint !== 'string')
    throw delegationError('DELEGATION_MALFORMED', { attempted, received: JSON.stringify(fields) })
  if (checkpoint !== checkpointText)
    throw delegationError('DELEGATION_UNVERIFIED', { attempted, received: 'a countersignature of another checkpoint' })
  return { time, signers }
}

const formOf = (type: string, members: readonly string[], attempted: string) => ({
  type,
  members,
  attempted,
  unverified: (received: string | undefined, cause?: SealwatchError) =>
    delegationError('DELEGATION_UNVERIFIED', { attempted, received, cause }),
  malformed: (received: string | undefined) => delegationError('DELEGATION_MALFORMED', { attempted, received }),
})

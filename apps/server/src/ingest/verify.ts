// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, messageOf, SealwatchError } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { verifyEd25519 } from '@sealwatch/keys'
import {
  type Anchor,
  type ChainPosition,
  headKeyId,
  type KeyRecord,
  type LinkedBatch,
  linkBatch,
  parseLine,
  sha256,
  type VerifiedBatch,
  verifyBatch,
} from '@sealwatch/ledger'

/** ING-2, in the order in which they are judged. */
export const reasons = ['unknown_key', 'invalid_signature', 'key_revoked', 'key_not_yet_valid', 'key_expired'] as const
export type Reason = (typeof reasons)[number]

/** A row of the registry; times are RFC 3339 in UTC. */
export type RegisteredKey = KeyRecord & { readonly revoked_at: string | null }

export type Verdict =
  | { readonly admitted: VerifiedBatch }
  | { readonly reason: Reason; readonly detail: string; readonly keyId: string | undefined }

/**
 * Judges a batch against the registry as of `receivedAt` (RFC 3339). Pure: what it is told is all it knows. A batch that
 * is out of form has no valid signature over its bytes, so its reason is invalid_signature.
 */
export function judgeBatch(
  batch: { readonly chain: string; readonly lines: Uint8Array; readonly count: number },
  position: ChainPosition,
  owner: { readonly hostId: string; readonly tenant: string },
  keyOf: (keyId: string) => RegisteredKey | undefined,
  receivedAt: string,
): Verdict {
  const keyId = claimedKeyId(batch.lines)
  const key = keyId === undefined ? undefined : keyOf(keyId)
  const wrong = (reason: Reason, detail: string): Verdict => ({ reason, detail, keyId })
  if (keyId !== undefined && key?.host_id !== owner.hostId)
    return wrong('unknown_key', `key ${keyId} is not registered for host ${owner.hostId}`)
  if (key === undefined) return wrong('invalid_signature', 'the batch does not end in a head that names its key')
  let admitted: VerifiedBatch
  try {
    const linked: LinkedBatch = linkBatch(sha256, batch, position, limits.batchLinesMax)
    if (linked.count !== batch.count)
      return wrong('invalid_signature', `${linked.count} lines where ${batch.count} were announced`)
    const foreign = linked.others.values().find(({ line }) => 'anchor' in line && !isOf(line.anchor, owner.tenant, key))
    if (foreign !== undefined) return wrong('invalid_signature', 'an anchor of another tenant or key')
    admitted = verifyBatch(sha256, verifyEd25519, linked, key)
  } catch (error) {
    if (error instanceof SealwatchError) return wrong('invalid_signature', messageOf(error))
    throw error
  }
  if (key.revoked_at !== null && key.revoked_at <= receivedAt)
    return wrong('key_revoked', `revoked at ${key.revoked_at}`)
  if (receivedAt < key.valid_from) return wrong('key_not_yet_valid', `valid from ${key.valid_from}`)
  if (key.valid_until !== null && key.valid_until <= receivedAt)
    return wrong('key_expired', `valid until ${key.valid_until}`)
  return { admitted }
}

const isOf = (anchor: Anchor, tenant: string, key: KeyRecord) =>
  anchor.tenant === tenant && anchor.key_id === key.key_id && anchor.origin === null

/** The key that the last line, as a head, claims; undefined where there is no such line. */
function claimedKeyId(lines: Uint8Array): string | undefined {
  const end = lines.at(-1) === 0x0a ? lines.length - 1 : lines.length
  const start = lines.lastIndexOf(0x0a, end - 1) + 1
  const attempted = 'reading the head of a batch'
  try {
    const { line } = parseLine(sha256, lines.subarray(start, end), attempted)
    return 'head' in line ? headKeyId(line.head.note, attempted) : undefined
  } catch (error) {
    if (isSealwatchError(error)) return undefined
    throw error
  }
}

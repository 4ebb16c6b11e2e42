// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, messageOf, SealwatchError } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import { verifyEd25519 } from '@sealwatch/keys'
import {
  type Anchor,
  type ChainPosition,
  headKeyId,
  type KeyRecord,
  lastHead,
  linkBatch,
  type ReadHead,
  sha256,
  type VerifiedBatch,
  verifyBatch,
} from '@sealwatch/ledger'
import { judgeKey, type Reason, type SigningKey } from '../trust/index.ts'

type Batch = { readonly chain: string; readonly lines: Uint8Array; readonly count: number }

export type Verdict =
  | { readonly admitted: VerifiedBatch }
  | { readonly reason: Reason; readonly detail: string; readonly keyId: string | undefined }

/**
 * Judges a batch against the registry as of `receivedAt` (RFC 3339), of the key that it claims. Pure: what it is told is all it knows. A batch that
 * is out of form has no valid signature over its bytes, so its reason is invalid_signature.
 */
export function judgeBatch(
  batch: Batch,
  position: ChainPosition,
  owner: { readonly hostId: string; readonly tenant: string },
  keyOf: (keyId: string) => SigningKey | undefined,
  receivedAt: (keyId: string) => string,
): Verdict {
  const claimed = claimedKey(batch.lines)
  if (claimed === undefined) {
    const detail = 'the batch does not end in a head that names its key'
    return { reason: 'invalid_signature', detail, keyId: undefined }
  }
  const { head, keyId } = claimed
  const key = keyOf(keyId)
  let read: ReadBatch | undefined
  const verify = () => {
    read = readBatch(batch, head, position, owner.tenant, key as SigningKey)
    return 'admitted' in read
  }
  const wrong = judgeKey(key, { kind: 'host', producer: owner.hostId }, { receivedAt: receivedAt(keyId), verify })
  if (wrong !== undefined)
    return { ...wrong, ...(read !== undefined && 'detail' in read && { detail: read.detail }), keyId }
  return read as { readonly admitted: VerifiedBatch }
}

type ReadBatch = { readonly admitted: VerifiedBatch } | { readonly detail: string }

function readBatch(batch: Batch, head: ReadHead, position: ChainPosition, tenant: string, key: SigningKey): ReadBatch {
  try {
    const linked = linkBatch(sha256, batch, position, limits.batchLinesMax, head.parsed)
    if (linked.count !== batch.count) return { detail: `${linked.count} lines where ${batch.count} were announced` }
    const record = hostKeyRecord(key)
    const foreign = linked.others.values().find(({ line }) => 'anchor' in line && !isOf(line.anchor, tenant, record))
    if (foreign !== undefined) return { detail: 'an anchor of another tenant or key' }
    return { admitted: verifyBatch(sha256, verifyEd25519, linked, record, head) }
  } catch (error) {
    if (error instanceof SealwatchError) return { detail: messageOf(error) }
    throw error
  }
}

/** Whether the lines are whole and go on where the chain stands, whoever signed their head. */
export function isLinked(batch: Batch, position: ChainPosition, tenant: string): boolean {
  try {
    const { count, others } = linkBatch(sha256, batch, position, limits.batchLinesMax)
    const isForeign = others.values().some(({ line }) => 'anchor' in line && line.anchor.tenant !== tenant)
    return count === batch.count && !isForeign
  } catch (error) {
    if (error instanceof SealwatchError) return false
    throw error
  }
}

/** As the ledger's line about it says it. */
const hostKeyRecord = (key: SigningKey): KeyRecord => ({
  algorithm: 'ed25519',
  host_id: key.producer,
  key_id: key.keyId,
  public_key: key.publicKey,
  valid_from: key.validFrom,
  valid_until: key.validUntil,
})

const isOf = (anchor: Anchor, tenant: string, key: KeyRecord) =>
  anchor.tenant === tenant && anchor.key_id === key.key_id && anchor.origin === null

/** The last line, as a head, and the key that it claims; undefined where there is no such line. */
function claimedKey(lines: Uint8Array): { readonly head: ReadHead; readonly keyId: string } | undefined {
  const attempted = 'reading the head of a batch'
  try {
    const head = lastHead(sha256, lines, attempted)
    return { head, keyId: headKeyId(head.note, attempted) }
  } catch (error) {
    if (isSealwatchError(error)) return undefined
    throw error
  }
}

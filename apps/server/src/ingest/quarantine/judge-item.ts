// SPDX-License-Identifier: Apache-2.0

import {
  type ChainPosition,
  chainStart,
  type Ledger,
  leafHash,
  parseLine,
  sha256,
  type VerifiedBatch,
} from '@sealwatch/ledger'
import type { Selectable } from 'kysely'
import type { Store, Tables } from '../../store/index.ts'
import type { SigningKey, TenantKeys } from '../../trust/index.ts'
import { judgeBatch, type Verdict } from '../verify.ts'
import type { Item } from './item-form.ts'

export type QuarantineRow = Selectable<Tables['audit_signature_quarantine']>

/** Judges an item of a host as of its receipt, by what is known of keys now (quarantine.md, 4). */
export async function judgeItem(
  { store, ledger, keys }: { readonly store: Store; readonly ledger: Ledger; readonly keys: TenantKeys },
  row: QuarantineRow,
  { bytes, beside }: Item,
  stubTime: string,
): Promise<Verdict> {
  const batch = { chain: row.chain, lines: bytes, count: row.next_seq - row.first_seq }
  const owner = { hostId: row.host_id, tenant: row.tenant }
  const position = beside?.position ?? joinedAt(row.first_seq)
  const receivedAt = beside?.receivedAt ?? row.received_at ?? row.quarantined_at
  const keyOf = (keyId: string) => asRevokedBy(stubTime, keys.key(keyId), receivedAt)
  const verdict = judgeBatch(batch, position, owner, keyOf, () => receivedAt)
  if ('admitted' in verdict || !ended.includes(verdict.reason)) return verdict
  // Whoever stole the key could have made these lines, and the host that goes on from them may be theirs too.
  const key = keyOf(verdict.keyId ?? '')
  if (isCompromised(key, receivedAt)) return verdict
  const timeless = judgeBatch(
    batch,
    position,
    owner,
    (keyId) => withoutEnd(keys.key(keyId)),
    () => receivedAt,
  )
  return 'admitted' in timeless && (await isCovered(store, ledger, timeless.admitted)) ? timeless : verdict
}

const ended: readonly string[] = ['key_expired', 'key_revoked']
const joinedAt = (seq: number): ChainPosition => (seq === 0 ? chainStart : { nextSeq: seq, tip: null })
const isCompromised = (key: SigningKey | undefined, at: string) => {
  const since = key?.compromisedSince ?? null
  return since !== null && since <= at
}
/** For whoever reads the ledger what took the key before the stub took it before its lines came, too. */
function asRevokedBy(stubTime: string, key: SigningKey | undefined, receivedAt: string): SigningKey | undefined {
  const { revokedAt = null, compromisedSince = null } = key ?? {}
  const early = (at: string | null) => (at !== null && at > receivedAt && at <= stubTime ? receivedAt : at)
  return key && { ...key, revokedAt: early(revokedAt), compromisedSince: early(compromisedSince) }
}
const withoutEnd = (key: SigningKey | undefined) => key && { ...key, validUntil: null, revokedAt: null }

/** The next line of the chain stands in the ledger, under a head that counts, and names the hash of the batch's last. */
async function isCovered(store: Store, ledger: Ledger, { chain, end }: VerifiedBatch): Promise<boolean> {
  const next = await store.index
    .selectFrom('batches')
    .select(['leaf_index', 'last_seq', 'kind'])
    .where('tenant', '=', ledger.tenant)
    .where('chain', '=', chain)
    .where('last_seq', '>=', end.nextSeq)
    .orderBy('last_seq')
    .limit(1)
    .executeTakeFirst()
  if (next?.kind !== 'head') return false
  const leaf = next.leaf_index - (next.last_seq - end.nextSeq)
  const [found] = await ledger.readChecked(leaf, 1)
  if (found === undefined) return false
  const { line } = parseLine(sha256, found.line, `reading leaf ${leaf}`, leafHash(sha256, found.line))
  return line.chain === chain && line.seq === end.nextSeq && line.prev === end.tip
}

// SPDX-License-Identifier: Apache-2.0

import type { Insertable } from 'kysely'
import type { Tables, Tx } from '../../store/index.ts'
import type { QuarantinedBatch } from './quarantine.ts'

/** What says why an item is kept, before it is. */
export type KeptRow = Omit<Insertable<Tables['audit_signature_quarantine']>, 'quarantined_at'>
type Place = Pick<KeptRow, 'item' | 'chain' | 'first_seq'>

export const placeName = ({ item, chain, first_seq }: Place) => `${item} ${chain} ${first_seq}`

export function rowOf(batch: QuarantinedBatch, item: string): KeptRow {
  const { tenant, hostId, chain, firstSeq, nextSeq, reason, detail, keyId, registry, beside } = batch
  return {
    item,
    tenant,
    host_id: hostId,
    chain,
    first_seq: firstSeq,
    next_seq: nextSeq,
    reason,
    detail,
    signing_key_id: keyId ?? null,
    received_at: beside.receivedAt,
    peer: beside.peer.address,
    registry_version: registry,
    stub_leaf_index: null,
    state: 'waiting',
    admitted_at: null,
    admitted_leaf_index: null,
    admitted_how: null,
  }
}

/** Deletes it where it has no stub. */
export const withoutStub = (tx: Tx, { tenant, item, chain, first_seq }: Place & Pick<KeptRow, 'tenant'>) =>
  tx
    .deleteFrom('audit_signature_quarantine')
    .where('tenant', '=', tenant)
    .where('item', '=', item)
    .where('chain', '=', chain)
    .where('first_seq', '=', first_seq)
    .where('stub_leaf_index', 'is', null)

// SPDX-License-Identifier: Apache-2.0
// What an enrolment leaves behind of a host's key.

import { rfc3339 } from '@sealwatch/base'
import type { Insertable } from 'kysely'
import type { Store, Tables } from '../../store/index.ts'
import type { KeyRegistry } from '../index.ts'

export type KeyRow = Insertable<Tables['signing_keys']>

export const hostKeyRow = (
  { keyId, publicKey }: { readonly keyId: string; readonly publicKey: Uint8Array },
  { hostId, tenant }: { readonly hostId: string; readonly tenant: string },
  change: Partial<KeyRow> = {},
): KeyRow => ({
  tenant,
  key_id: keyId,
  producer: hostId,
  producer_kind: 'host',
  algorithm: 'ed25519',
  public_key: publicKey.toHex(),
  valid_from: rfc3339(0n),
  valid_until: null,
  revoked_at: null,
  state: 'active',
  source: 'enrolment',
  ...change,
})

/** Registers a key, whether its line is in the ledger or not. */
export async function enterKey(store: Store, keys: KeyRegistry, row: KeyRow): Promise<void> {
  await store.db.insertInto('signing_keys').values(row).execute()
  await store.between((db) => keys.given(db, { tenant: row.tenant, keyId: row.key_id }))
}

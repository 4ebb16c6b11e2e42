// SPDX-License-Identifier: Apache-2.0

import { auditTenant, type Reader } from '../identity/index.ts'
import {
  across,
  type KeyAlgorithm,
  type KeySource,
  type KeyState,
  type ProducerKind,
  type Tables,
} from '../store/index.ts'

/** A key of a producer, as its tenant's registry knows it. Times are RFC 3339 in UTC with nine digits: they compare as text. */
export type SigningKey = {
  readonly tenant: string
  readonly keyId: string
  readonly kind: ProducerKind
  /** A host's id, or a service's name. */
  readonly producer: string
  readonly algorithm: KeyAlgorithm
  /** Hex: raw for ed25519, the SubjectPublicKeyInfo (DER) for rsa-sha256. */
  readonly publicKey: string
  readonly validFrom: string
  /** The first moment at which it is not valid any more. */
  readonly validUntil: string | null
  readonly revokedAt: string | null
  /** Its `validUntil`, where that has passed for good, whatever the clock says. */
  readonly endedAt: string | null
  /** Of its revocation: from then on somebody else may have signed under it. */
  readonly compromisedSince: string | null
  readonly state: KeyState
  readonly source: KeySource
}

export type KeyName = { readonly tenant: string; readonly keyId: string }

/** The keys of all tenants, of one of them, or one key. */
export async function readKeys(db: Reader, of: Partial<KeyName> = {}): Promise<SigningKey[]> {
  let query = across(db, 'start')
    .selectFrom('signing_keys as key')
    .leftJoin('signing_key_revocations as gone', (join) =>
      join
        .onRef('gone.tenant', '=', 'key.tenant')
        .onRef('gone.key_id', '=', 'key.key_id')
        .onRef('gone.revoked_at', '=', 'key.revoked_at'),
    )
    .selectAll('key')
    .select('gone.compromised_since')
  if (of.tenant !== undefined) query = query.where('key.tenant', '=', of.tenant)
  if (of.keyId !== undefined) query = query.where('key.key_id', '=', of.keyId)
  return (await query.execute()).map(keyOfRow)
}

/** A key that lines of the tenant's ledger are signed with: one of its producers, or, in the cluster's, of any host. */
export async function readKeyOf(db: Reader, { tenant, keyId }: KeyName): Promise<SigningKey | undefined> {
  const found = await readKeys(db, tenant === auditTenant ? { keyId } : { tenant, keyId })
  return found.find((key) => key.tenant === tenant) ?? found.find(({ kind }) => kind === 'host')
}

/** A key's row, with what its revocation says of it. */
export type KeyRow = Tables['signing_keys'] & { readonly compromised_since: string | null }

export const keyOfRow = (row: KeyRow): SigningKey => ({
  tenant: row.tenant,
  keyId: row.key_id,
  kind: row.producer_kind,
  producer: row.producer,
  algorithm: row.algorithm,
  publicKey: row.public_key,
  validFrom: row.valid_from,
  validUntil: row.valid_until,
  revokedAt: row.revoked_at,
  endedAt: row.ended_at,
  compromisedSince: row.compromised_since,
  state: row.state,
  source: row.source,
})

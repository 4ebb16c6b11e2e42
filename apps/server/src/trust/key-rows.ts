// SPDX-License-Identifier: Apache-2.0

import { type KeyChange, type KeyColumns, registryLine } from '../identity/index.ts'
import type { KeyState, Outbox, Tx } from '../store/index.ts'
import { perTenantMax, trustError } from './errors.ts'
import type { KeyName, SigningKey } from './signing-key.ts'

/** Every change of a key is a line of its tenant's ledger. */
export async function sayOfKey(tx: Tx, outbox: Outbox, key: KeyColumns, change: KeyChange): Promise<string> {
  return outbox.enqueue(tx, key.tenant, registryLine(key, change))
}

/** Throws SIGNING_KEY_TAKEN, which names both, or TRUST_TOO_MANY. */
export async function insertKey(
  tx: Tx,
  key: Omit<SigningKey, 'revokedAt' | 'endedAt' | 'compromisedSince'>,
  attempted: string,
): Promise<KeyColumns> {
  const { tenant, keyId, producer, publicKey } = key
  const others = await tx
    .selectFrom('signing_keys')
    .select(['key_id', 'producer', 'producer_kind', 'public_key'])
    .where('tenant', '=', tenant)
    .where((where) => where.or([where('key_id', '=', keyId), where('public_key', '=', publicKey)]))
    .execute()
  const other = others[0]
  if (other !== undefined) {
    const whose = `the ${other.producer_kind} ${other.producer}`
    const received =
      other.key_id === keyId
        ? `the id ${keyId}, under which ${whose} has a key`
        : `under the id ${keyId} the key that ${whose} has under ${other.key_id}`
    throw trustError('SIGNING_KEY_TAKEN', { attempted, received })
  }
  const { count } = await tx
    .selectFrom('signing_keys')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('tenant', '=', tenant)
    .where('producer_kind', '=', key.kind)
    .where('producer', '=', producer)
    .executeTakeFirstOrThrow()
  if (count >= perTenantMax.keysOfProducer) throw trustError('TRUST_TOO_MANY', { attempted, received: `${count} keys` })
  const row: KeyColumns = {
    tenant,
    key_id: keyId,
    producer,
    producer_kind: key.kind,
    algorithm: key.algorithm,
    public_key: publicKey,
    valid_from: key.validFrom,
    valid_until: key.validUntil,
    revoked_at: null,
    ended_at: null,
    state: key.state,
    source: key.source,
  }
  await tx.insertInto('signing_keys').values(row).execute()
  return row
}

export type KeyUpdate =
  | { readonly validFrom: string; readonly validUntil: string | null; readonly endedAt: string | null }
  | { readonly revokedAt: string; readonly cause: string; readonly compromisedSince: string | null }
  | { readonly state: KeyState; readonly was: KeyState }

/** A revocation has a row of its own, too. Throws SIGNING_KEY_REVOKED, or SIGNING_KEY_STATE, of which nothing changes. */
export async function updateKey(tx: Tx, { tenant, keyId }: KeyName, update: KeyUpdate): Promise<KeyColumns> {
  let query = tx
    .updateTable('signing_keys')
    .set(columnsOf(update))
    .where('tenant', '=', tenant)
    .where('key_id', '=', keyId)
    .where('revoked_at', 'is', null)
  if ('state' in update) query = query.where('state', '=', update.was)
  const row = await query.returningAll().executeTakeFirst()
  if (row === undefined && 'state' in update)
    throw trustError('SIGNING_KEY_STATE', {
      attempted: 'changing a key',
      received: `${keyId}, no longer ${update.was}`,
    })
  if (row === undefined) throw trustError('SIGNING_KEY_REVOKED', { attempted: 'changing a key', received: keyId })
  if ('revokedAt' in update) {
    const { revokedAt, cause, compromisedSince } = update
    const gone = { tenant, key_id: keyId, revoked_at: revokedAt, cause, compromised_since: compromisedSince }
    await tx.insertInto('signing_key_revocations').values(gone).execute()
  }
  return row
}

function columnsOf(update: KeyUpdate) {
  if ('revokedAt' in update) return { revoked_at: update.revokedAt }
  if ('state' in update) return { state: update.state }
  return { valid_from: update.validFrom, valid_until: update.validUntil, ended_at: update.endedAt }
}

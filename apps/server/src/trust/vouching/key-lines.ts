// SPDX-License-Identifier: Apache-2.0

import type { Body } from '@sealwatch/ledger'
import type { SigningKey } from '../signing-key.ts'

/** What the lines of a ledger say of keys, each as it stands after its last line: by its id. */
export type KeyBook = Map<string, SaidKey>
/** When a window ended for good is no change of the key: no line says it. */
type SaidKey = Omit<SigningKey, 'tenant' | 'endedAt'>

/**
 * Takes a line of the ledger's own chain. A key begins with a line that adds it and stays the same key under its id: whatever
 * else is said of it, out of a database that was changed, is none of it.
 */
export function takeKeyLine(book: KeyBook, body: Body): void {
  const said = saidIn(body)
  if (said === undefined) return
  const before = book.get(said.key.keyId)
  if (before === undefined ? said.isFirst : isSameKey(before, said.key)) book.set(said.key.keyId, said.key)
}

/** What a row says that its last line does not; undefined: they agree. */
export function unsaidOf(
  { tenant: _, endedAt: _ended, ...row }: SigningKey,
  book: ReadonlyMap<string, SaidKey>,
): string | undefined {
  const said = book.get(row.keyId)
  if (said === undefined) return 'no line of the ledger adds it'
  const members = Object.keys(row) as (keyof SaidKey)[]
  const other = members.filter((member) => row[member] !== said[member])
  if (other.length === 0) return undefined
  return `its last line has another ${other.map((member) => columns[member]).join(', ')}`
}

const columns: Readonly<Record<keyof SaidKey, string>> = {
  keyId: 'key_id',
  kind: 'producer_kind',
  producer: 'producer',
  algorithm: 'algorithm',
  publicKey: 'public_key',
  validFrom: 'valid_from',
  validUntil: 'valid_until',
  revokedAt: 'revoked_at',
  compromisedSince: 'compromised_since',
  state: 'state',
  source: 'source',
}

function saidIn(body: Body): { readonly key: SaidKey; readonly isFirst: boolean } | undefined {
  if ('key' in body) {
    const { key_id, host_id, algorithm, public_key, valid_from, valid_until } = body.key
    const key: SaidKey = {
      keyId: key_id,
      kind: 'host',
      producer: host_id,
      algorithm,
      publicKey: public_key,
      validFrom: valid_from,
      validUntil: valid_until,
      revokedAt: null,
      compromisedSince: null,
      state: 'active',
      source: 'enrolment',
    }
    return { key, isFirst: true }
  }
  if (!('registry' in body)) return undefined
  const { change, changed_at: _at, cause: _cause, ...said } = body.registry
  const key: SaidKey = {
    keyId: said.key_id,
    kind: said.producer_kind,
    producer: said.producer,
    algorithm: said.algorithm,
    publicKey: said.public_key,
    validFrom: said.valid_from,
    validUntil: said.valid_until,
    revokedAt: said.revoked_at,
    compromisedSince: said.compromised_since,
    state: said.state,
    source: said.source,
  }
  return { key, isFirst: change === 'added' }
}

const isSameKey = (one: SaidKey, other: SaidKey) =>
  one.kind === other.kind &&
  one.producer === other.producer &&
  one.algorithm === other.algorithm &&
  one.publicKey === other.publicKey &&
  one.source === other.source

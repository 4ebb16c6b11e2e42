// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { type Authorised, actBy } from '../access/index.ts'
import {
  type Act,
  type Follows,
  type KeyChange,
  type Recorded,
  type RecordOptions,
  recordAct,
} from '../identity/index.ts'
import type { KeySource, Tx } from '../store/index.ts'
import { trustError } from './errors.ts'
import { checkKey, checkTime, checkWindow, type GivenKey } from './key-form.ts'
import { insertKey, type KeyUpdate, sayOfKey, updateKey } from './key-rows.ts'
import type { TrustRoots } from './manifests/index.ts'
import type { KeyRegistry } from './registry.ts'
import { isPromoted } from './rotation/promotion.ts'
import { readKeyOf, readKeys, type SigningKey } from './signing-key.ts'

/** The keys that a tenant's rows are signed with, as people add, end and revoke them. */
export type SigningKeys = {
  /** Of a producer, or all of them, hosts' too. */
  list(by: Authorised<'producer:read'>, producer?: string): Promise<SigningKey[]>
  /** In the cluster, of a host of any tenant, too: its lines stand there. Throws SIGNING_KEY_UNKNOWN. */
  get(by: Authorised<'producer:read'>, keyId: string): Promise<SigningKey>
  /**
   * An active one counts once its line is in the ledger, a candidate does not. Throws PRODUCER_UNKNOWN, SIGNING_KEY_INVALID,
   * SIGNING_KEY_SHARED, SIGNING_KEY_TAKEN, SIGNING_KEY_PROMOTION or TRUST_TOO_MANY.
   */
  add(
    by: Authorised<'producer:manage'>,
    producer: string,
    given: GivenKey,
    state?: 'candidate' | 'active',
  ): Promise<Recorded>
  /**
   * For good, at once. What was received before stays good, unless `compromisedSince` is not after it. Throws
   * SIGNING_KEY_UNKNOWN, SIGNING_KEY_ELSEWHERE, SIGNING_KEY_REVOKED, SIGNING_KEY_INVALID or SIGNING_KEY_SINCE.
   */
  revoke(by: Authorised<'producer:manage'>, keyId: string, why: Revocation): Promise<Recorded>
  /** What it takes counts at once, what it gives once its line is in the ledger. Throws as `revoke`. */
  setWindow(by: Authorised<'producer:manage'>, keyId: string, window: GivenWindow): Promise<Recorded>
}
export type Revocation = { readonly cause: string; readonly compromisedSince?: string | undefined }
/** What is left out stays. */
export type GivenWindow = { readonly validFrom?: string | undefined; readonly validUntil?: string | null | undefined }

export function createSigningKeys(
  options: RecordOptions & { readonly keys: KeyRegistry; readonly trustRoots: Pick<TrustRoots, 'newest'> },
): SigningKeys {
  const { store, outbox, keys, trustRoots, clock } = options
  const now = () => rfc3339(clock.nowNs())

  /** One that people may change. */
  function changeable(tenant: string, keyId: string, attempted: string, ...sources: KeySource[]): SigningKey {
    const key = keys.of(tenant).key(keyId)
    if (key === undefined || key.tenant !== tenant)
      throw trustError('SIGNING_KEY_UNKNOWN', { attempted, received: keyId })
    if (!(sources.length === 0 ? ['api'] : sources).includes(key.source))
      throw trustError('SIGNING_KEY_ELSEWHERE', { attempted, received: `${keyId}, by ${key.source}` })
    if (key.revokedAt !== null) throw trustError('SIGNING_KEY_REVOKED', { attempted, received: keyId })
    return key
  }

  function act(
    by: Authorised,
    { producer, keyId }: { readonly producer: string; readonly keyId: string },
    matter: Pick<Act, 'code' | 'verb' | 'severity' | 'message'> & { readonly cause?: string },
    change: (tx: Tx, now: string) => Promise<unknown>,
    follows: Follows,
  ): Promise<Recorded> {
    const { tenant } = by
    const { cause, ...rest } = matter
    const details = { producer, producer_kind: 'service', signing_key_id: keyId, ...(cause !== undefined && { cause }) }
    const entity = { type: 'Signing Key', uid: `${tenant}/${keyId}` }
    return recordAct(
      options,
      { ...rest, component: 'trust', tenant, by: actBy(by), entity, details },
      async (tx, timeNs) => void (await change(tx, rfc3339(timeNs))),
      follows,
    )
  }

  const change =
    (name: { tenant: string; keyId: string }, update: KeyUpdate, said: (at: string) => KeyChange) =>
    async (tx: Tx, at: string) =>
      sayOfKey(tx, outbox, await updateKey(tx, name, update), said(at))

  return {
    list: async ({ tenant }, producer) =>
      (await readKeys(store.db, { tenant }))
        .filter((key) => producer === undefined || key.producer === producer)
        .toSorted((a, b) => (a.keyId < b.keyId ? -1 : 1)),
    get: async ({ tenant }, keyId) => {
      const key = await readKeyOf(store.db, { tenant, keyId })
      if (key !== undefined) return key
      throw trustError('SIGNING_KEY_UNKNOWN', { attempted: 'reading a signing key', received: keyId })
    },
    add: async (by, producer, given, state = 'active') => {
      const { tenant } = by
      const attempted = `adding a key for the service ${producer}`
      if (keys.of(tenant).producer('service', producer) === undefined)
        throw trustError('PRODUCER_UNKNOWN', { attempted, received: producer })
      const checked = checkKey(given, now(), attempted)
      const key = { ...checked, tenant, producer, kind: 'service', state, source: 'api' } as const
      const { keyId, validFrom, validUntil } = checked
      const until = validUntil === null ? '' : ` until ${validUntil}`
      return act(
        by,
        key,
        {
          code: 'signing_key_added',
          verb: 'create',
          severity: 'medium',
          message:
            state === 'candidate'
              ? `the key ${keyId} is a candidate of the service ${producer}, and signs nothing yet`
              : `the service ${producer} may sign with the key ${keyId} from ${validFrom}${until}`,
        },
        async (tx, at) => {
          if (state === 'active' && isPromoted(producer, trustRoots)) await checkFirst(tx, key, attempted)
          await sayOfKey(tx, outbox, await insertKey(tx, key, attempted), { change: 'added', changedAt: at })
        },
        keys.giveKey({ tenant, keyId }),
      )
    },
    revoke: async (by, keyId, { cause, compromisedSince: since }) => {
      const attempted = `revoking the key ${keyId.slice(0, 128)}`
      // One of the trust-store file, too: it stays revoked, whatever the file says.
      const { tenant, producer } = changeable(by.tenant, keyId, attempted, 'api', 'file')
      const compromisedSince = since === undefined ? null : checkTime(since, attempted)
      const revokedAt = now()
      if (compromisedSince !== null && compromisedSince > revokedAt)
        throw trustError('SIGNING_KEY_SINCE', { attempted, received: since })
      const name = { tenant, keyId }
      return act(
        by,
        { producer, keyId },
        {
          code: 'signing_key_revoked',
          verb: 'delete',
          severity: 'high',
          message: `the key ${keyId} of the service ${producer} was revoked: ${cause}`,
          cause,
        },
        change(name, { revokedAt, cause, compromisedSince }, (changedAt) => {
          return { change: 'revoked', changedAt, cause, compromisedSince }
        }),
        keys.takeKey(name, { revokedAt, compromisedSince }),
      )
    },
    setWindow: async (by, keyId, given) => {
      const attempted = `changing when the key ${keyId.slice(0, 128)} is valid`
      const { tenant, producer, ...was } = changeable(by.tenant, keyId, attempted)
      const until = given.validUntil === undefined ? was.validUntil : given.validUntil
      const window = checkWindow({ from: given.validFrom ?? was.validFrom, until }, attempted)
      const name = { tenant, keyId }
      const ending = { ...window, endedAt: endOf(was, window, now()) }
      return act(
        by,
        { producer, keyId },
        {
          code: 'signing_key_window',
          verb: 'update',
          severity: 'medium',
          message: `the key ${keyId} of the service ${producer} is valid from ${window.validFrom} until ${window.validUntil ?? 'it is revoked'}`,
        },
        change(name, ending, (changedAt) => ({ change: 'window', changedAt })),
        windowFollows(keys, was, ending, name),
      )
    },
  }
}

/** Throws SIGNING_KEY_PROMOTION. A key that counted once makes the service one whose rows others rely on. */
async function checkFirst(
  tx: Tx,
  { tenant, producer }: Pick<SigningKey, 'tenant' | 'producer'>,
  attempted: string,
): Promise<void> {
  const other = await tx
    .selectFrom('signing_keys')
    .select('key_id')
    .where('tenant', '=', tenant)
    .where('producer_kind', '=', 'service')
    .where('producer', '=', producer)
    .where('state', '=', 'active')
    .executeTakeFirst()
  if (other !== undefined)
    throw trustError('SIGNING_KEY_PROMOTION', { attempted, received: `one that has had the key ${other.key_id}` })
}

type Window = Pick<SigningKey, 'validFrom' | 'validUntil'>
type Ending = Window & Pick<SigningKey, 'endedAt'>

/** The end of the window, where it is over for good: by now, or as it ends no later than one that was. */
export function endOf({ endedAt }: Ending, { validUntil }: Window, now: string): string | null {
  if (validUntil === null) return null
  return validUntil <= now || (endedAt !== null && validUntil <= endedAt) ? validUntil : null
}

/** At once what both windows have in common; the new one when its line is in the ledger. */
export function windowFollows(
  keys: KeyRegistry,
  was: Ending,
  next: Ending,
  name: { tenant: string; keyId: string },
): Follows {
  const give = keys.giveKey(name)
  const begins = [was.validFrom, next.validFrom].toSorted()
  const ends = [was.validUntil, next.validUntil].filter((end) => end !== null).toSorted()
  const common = { validFrom: begins[1] as string, validUntil: ends[0] ?? null }
  if (common.validFrom === was.validFrom && common.validUntil === was.validUntil) return give
  const endedAt = [was, next].some((one) => one.endedAt !== null) ? common.validUntil : null
  return { ...give, ...keys.takeKey(name, { ...common, endedAt }) }
}

// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, rfc3339 } from '@sealwatch/base'
import type { Follows, RecordOptions } from '../../identity/index.ts'
import { trustError } from '../errors.ts'
import { insertKey, sayOfKey, updateKey } from '../key-rows.ts'
import { insertProducer } from '../producers.ts'
import type { KeyRegistry } from '../registry.ts'
import { readKeys, type SigningKey } from '../signing-key.ts'
import { endOf, windowFollows } from '../signing-keys.ts'
import type { FileKey, TrustStore } from './parse.ts'

export type ApplyOptions = Pick<RecordOptions, 'store' | 'outbox' | 'clock'> & {
  readonly keys: KeyRegistry
  /** Throws unless the tenant is one to act in. */
  readonly checkTenant: (tenant: string, attempted: string) => void
}

const byFile = 'file:trust-store'

/**
 * Makes the registry what the file says, of what the file made: whole or not at all, in one transaction. What is not in
 * it any more is withdrawn as of now; what came by API stays. Returns how many keys changed. Throws
 * TRUST_STORE_INVALID, and then nothing was done.
 */
export async function applyTrustStore(file: TrustStore, attempted: string, options: ApplyOptions): Promise<number> {
  const { store, outbox, clock, keys, checkTenant } = options
  const wrong = (place: string, error: unknown) => {
    if (!isSealwatchError(error)) return error
    const received = `${place}: ${error.rule}${error.received === undefined ? '' : `; received ${error.received}`}`
    return trustError('TRUST_STORE_INVALID', { attempted, received, cause: error })
  }
  for (const { tenant, place } of file.services)
    try {
      checkTenant(tenant, attempted)
    } catch (error) {
      throw wrong(place, error)
    }
  const now = rfc3339(clock.nowNs())
  const named = new Map(file.keys.map((key) => [`${key.tenant} ${key.keyId}`, key]))
  const standing = (await readKeys(store.db)).filter((key) => key.source === 'file' && keys.isVouched(key))
  const known = new Map(standing.map((key) => [`${key.tenant} ${key.keyId}`, key]))
  const dueWithdrawn = standing.filter((key) => isWithdrawn(key, named))
  const dueChanged = file.keys.filter((key) => isChanged(key, known.get(`${key.tenant} ${key.keyId}`)))
  const { followed, uids } = await store.taking(async (tx) => {
    const done: Follows[] = []
    const said: string[] = []
    const giving = (follows: Follows, uid: string) => {
      done.push(follows)
      said.push(uid)
    }
    for (const { tenant, producer, place } of file.services) {
      if (keys.of(tenant).producer('service', producer) !== undefined) continue
      const row = { tenant, producer, created_at: now, created_by: byFile }
      await insertProducer(tx, row, attempted).catch((error: unknown) => {
        if (!isSealwatchError(error, 'PRODUCER_EXISTS')) throw wrong(place, error)
      })
      done.push(keys.giveProducer({ tenant, kind: 'service', producer, haltedAt: null }))
    }
    for (const key of dueWithdrawn) {
      const endedAt = key.validUntil !== null && key.validUntil < now ? key.validUntil : now
      const window = { validFrom: key.validFrom, validUntil: endedAt, endedAt }
      const row = await updateKey(tx, key, window)
      giving(
        windowFollows(keys, key, window, key),
        await sayOfKey(tx, outbox, row, { change: 'withdrawn', changedAt: now }),
      )
    }
    for (const key of dueChanged) {
      const was = known.get(`${key.tenant} ${key.keyId}`)
      try {
        if (was === undefined) {
          const row = await insertKey(tx, { ...key, kind: 'service', state: 'active', source: 'file' }, attempted)
          giving(keys.giveKey(key), await sayOfKey(tx, outbox, row, { change: 'added', changedAt: now }))
          continue
        }
        if (was.publicKey !== key.publicKey || was.producer !== key.producer) throw taken(was, attempted)
        const { validFrom, validUntil } = key
        const window = { validFrom, validUntil, endedAt: endOf(was, key, now) }
        const row = await updateKey(tx, key, window)
        giving(
          windowFollows(keys, was, window, key),
          await sayOfKey(tx, outbox, row, { change: 'window', changedAt: now }),
        )
      } catch (error) {
        throw wrong(key.place, error)
      }
    }
    return { followed: done, uids: said }
  })
  for (const { begun, taken: take } of followed) {
    begun?.()
    take?.(true)
  }
  outbox.ring()
  const given = Promise.all(uids.map((uid) => outbox.committed(uid))).then(() =>
    store.between(async (db) => {
      for (const follows of followed) await follows.given?.(db)
    }),
  )
  // A stop ends the waiting; the next start reads what was changed.
  given.catch(() => undefined)
  return uids.length
}

const taken = (was: SigningKey, attempted: string) =>
  trustError('SIGNING_KEY_TAKEN', {
    attempted,
    received: `the id ${was.keyId}, which stands for another key of the service ${was.producer}`,
  })

/** Whatever its window says by a clock that may be ahead: one that is over for good already stays as it is. */
const isWithdrawn = (key: SigningKey, named: ReadonlyMap<string, FileKey>) =>
  !named.has(`${key.tenant} ${key.keyId}`) && key.revokedAt === null && key.endedAt === null

/** A key that was revoked stays so, whatever the file says. */
const isChanged = (key: FileKey, was: SigningKey | undefined) =>
  was === undefined ||
  was.publicKey !== key.publicKey ||
  was.producer !== key.producer ||
  (was.revokedAt === null && (was.validFrom !== key.validFrom || was.validUntil !== key.validUntil))

// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { type Clock, parseRfc3339, rfc3339 } from '@sealwatch/base'
import type { Store, Tx } from '../../store/index.ts'
import { httpError, problemOf } from './problems.ts'

export type Kept = { readonly status: number; readonly body: string }

/**
 * Answers to writes, so that a client that never saw one may ask again without doing it twice. A key is taken before the
 * work begins, and stays taken until the answer stands there: whatever ends in between, nobody does the work again.
 */
export type Idempotency = {
  /**
   * The answer that was given before; or does the work and keeps its answer, unless it is not to be kept. Work that was
   * refused leaves the key free; where it failed otherwise, it may have been done. Throws IDEMPOTENCY_REUSED for another
   * request under the same key, or the same one while it is under way, IDEMPOTENCY_UNFINISHED and IDEMPOTENCY_FULL.
   */
  once(
    of: { readonly tenant: string; readonly principal: string; readonly key: string; readonly request: string },
    work: () => Promise<Kept & { readonly keep: boolean }>,
  ): Promise<Kept>
}

export const idempotencyKeyForm = /^[\x21-\x7e]{8,128}$/
const keptForNs = 24n * 3600n * 1_000_000_000n
const keysPerTenantMax = 10_000
/** In the place of a status, as long as there is no answer. */
const unanswered = 0
const attempted = 'repeating a request'

export function createIdempotency(options: {
  readonly store: Store
  readonly clock: Clock
  readonly perTenantMax?: number
}): Idempotency {
  const { store, clock, perTenantMax = keysPerTenantMax } = options
  const underWay = new Set<string>()

  /** What stands under the key; where nothing does, it is taken from here on. */
  async function take(tx: Tx, tenant: string, keyHash: string, requestHash: string): Promise<Kept | undefined> {
    const nowNs = clock.nowNs()
    const keys = tx.deleteFrom('idempotency_keys').where('tenant', '=', tenant)
    await keys.where('created_at', '<=', rfc3339(nowNs - keptForNs)).execute()
    const row = await tx
      .selectFrom('idempotency_keys')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('key_hash', '=', keyHash)
      .executeTakeFirst()
    if (row !== undefined) {
      if (row.request_hash !== requestHash)
        throw httpError('IDEMPOTENCY_REUSED', { attempted, received: 'a key that stood for another request' })
      if (row.status === unanswered)
        throw httpError('IDEMPOTENCY_UNFINISHED', { attempted, received: `a key of ${row.created_at}` })
      if (row.answer === null)
        throw httpError('IDEMPOTENCY_REUSED', { attempted, received: 'a key whose answer showed a secret, once' })
      return { status: row.status, body: row.answer }
    }
    const { count, oldest } = await tx
      .selectFrom('idempotency_keys')
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('created_at').as('oldest')])
      .where('tenant', '=', tenant)
      .executeTakeFirstOrThrow()
    if (count >= perTenantMax) {
      const waitMs = Number(((parseRfc3339(oldest) ?? nowNs) + keptForNs - nowNs) / 1_000_000n)
      throw httpError('IDEMPOTENCY_FULL', {
        attempted: 'keeping an Idempotency-Key',
        received: `${count} keys`,
        waitMs,
      })
    }
    const begun = { request_hash: requestHash, status: unanswered, answer: null, created_at: rfc3339(nowNs) }
    await tx
      .insertInto('idempotency_keys')
      .values({ tenant, key_hash: keyHash, ...begun })
      .execute()
    return undefined
  }

  return {
    async once({ tenant, principal, key, request }, work) {
      const keyHash = hash('sha256', `${principal}\n${key}`, 'hex')
      const name = `${tenant}/${keyHash}`
      if (underWay.has(name))
        throw httpError('IDEMPOTENCY_REUSED', { attempted, received: 'a key whose request is under way' })
      underWay.add(name)
      try {
        const kept = await store.transaction((tx) => take(tx, tenant, keyHash, hash('sha256', request, 'hex')))
        if (kept !== undefined) return kept
        try {
          const { keep, status, body } = await work()
          // A power cut that takes this back leaves the key taken. Of a tenant that was erased meanwhile no row comes back.
          await store.derived((tx) =>
            tx
              .updateTable('idempotency_keys')
              .set({ status, answer: keep ? body : null })
              .where('tenant', '=', tenant)
              .where('key_hash', '=', keyHash)
              .execute(),
          )
          return { status, body }
        } catch (error) {
          if (wasRefused(error))
            await store.derived((tx) =>
              tx.deleteFrom('idempotency_keys').where('tenant', '=', tenant).where('key_hash', '=', keyHash).execute(),
            )
          throw error
        }
      } finally {
        underWay.delete(name)
      }
    },
  }
}

/** The request was at fault, so nothing was done; what fails on our side may fail after it was done. */
function wasRefused(error: unknown): boolean {
  const { status, code } = problemOf(error, '')
  return status < 500 && code !== 'DISK_FULL'
}

// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { type Clock, rfc3339 } from '@sealwatch/base'
import type { Store } from '../../store/index.ts'
import { httpError } from './problems.ts'

export type Kept = { readonly status: number; readonly body: string }

/** Answers to writes, so that a client that never saw one may ask again without doing it twice. */
export type Idempotency = {
  /**
   * The answer that was given before; or does the work and keeps its answer, unless it throws or is not to be kept. Throws
   * IDEMPOTENCY_REUSED for another request under the same key, or the same one while it is under way.
   */
  once(
    of: { readonly tenant: string; readonly principal: string; readonly key: string; readonly request: string },
    work: () => Promise<Kept & { readonly keep: boolean }>,
  ): Promise<Kept>
}

export const idempotencyKeyForm = /^[\x21-\x7e]{8,128}$/
const keptForNs = 24n * 3600n * 1_000_000_000n
const perTenantMax = 10_000

export function createIdempotency({ store, clock }: { readonly store: Store; readonly clock: Clock }): Idempotency {
  const underWay = new Set<string>()
  return {
    async once({ tenant, principal, key, request }, work) {
      const keyHash = hash('sha256', `${principal}\n${key}`, 'hex')
      const requestHash = hash('sha256', request, 'hex')
      const attempted = 'repeating a request'
      const name = `${tenant}/${keyHash}`
      if (underWay.has(name))
        throw httpError('IDEMPOTENCY_REUSED', { attempted, received: 'a key whose request is under way' })
      underWay.add(name)
      try {
        const nowNs = clock.nowNs()
        const row = await store.db
          .selectFrom('idempotency_keys')
          .selectAll()
          .where('tenant', '=', tenant)
          .where('key_hash', '=', keyHash)
          .where('created_at', '>', rfc3339(nowNs - keptForNs))
          .executeTakeFirst()
        if (row !== undefined) {
          if (row.request_hash !== requestHash)
            throw httpError('IDEMPOTENCY_REUSED', { attempted, received: 'a key that stood for another request' })
          if (row.answer === null)
            throw httpError('IDEMPOTENCY_REUSED', { attempted, received: 'a key whose answer showed a secret, once' })
          return { status: row.status, body: row.answer }
        }
        const { keep, ...answer } = await work()
        await store.transaction(async (tx) => {
          await tx
            .deleteFrom('idempotency_keys')
            .where('tenant', '=', tenant)
            .where('created_at', '<=', rfc3339(nowNs - keptForNs))
            .execute()
          const { count } = await tx
            .selectFrom('idempotency_keys')
            .select(({ fn }) => fn.countAll<number>().as('count'))
            .where('tenant', '=', tenant)
            .executeTakeFirstOrThrow()
          if (count >= perTenantMax) return
          await tx
            .insertInto('idempotency_keys')
            .values({
              tenant,
              key_hash: keyHash,
              request_hash: requestHash,
              status: answer.status,
              answer: keep ? answer.body : null,
              created_at: rfc3339(nowNs),
            })
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        })
        return answer
      } finally {
        underWay.delete(name)
      }
    },
  }
}

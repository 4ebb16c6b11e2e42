// SPDX-License-Identifier: Apache-2.0

import type { Operations } from '@sealwatch/contract/api'
import { text } from '../command.ts'
import { type Instant, instant } from '../entries/since.ts'

type Reason = NonNullable<NonNullable<Operations['listQuarantine']['query']>['reason']>

export const filterOptions = {
  reason: text({
    takes: 'NAME',
    help: 'unknown_key, invalid_signature, key_revoked, key_not_yet_valid or key_expired',
  }),
  key: text({ takes: 'ID', help: 'Of this key' }),
  producer: text({ takes: 'ID', help: 'Of this host or service' }),
  since: instant('Quarantined at or after it'),
  until: instant('Quarantined before it'),
} as const
type Filter = { readonly [K in keyof typeof filterOptions]: (typeof filterOptions)[K]['absent'] }

/** As the API takes it; ages are counted back from `nowMs`. */
export function filterOf({ reason, key, producer, since, until }: Filter, nowMs: number) {
  const at = (time: Instant | undefined) => time?.(nowMs)
  const given = { reason: reason as Reason | undefined, key_id: key, producer, since: at(since), until: at(until) }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    reason?: Reason
    key_id?: string
    producer?: string
    since?: string
    until?: string
  }
}

/** Page after page, as the API gives them. */
export async function* pages<T>(
  read: (cursor: number | undefined) => Promise<{ readonly items: readonly T[]; readonly next: string | null }>,
): AsyncGenerator<readonly T[]> {
  for (let cursor: number | undefined; ; ) {
    const { items, next } = await read(cursor)
    yield items
    if (next === null) return
    cursor = Number(next)
  }
}

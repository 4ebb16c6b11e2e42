// SPDX-License-Identifier: Apache-2.0

import { allOf, type Filter, term } from '@sealwatch/contract/filter'
import type { ApiPorts } from '../ports.ts'
import type { Reader, Stretch } from './entries.ts'
import { within } from './filters.ts'

export type Span = {
  readonly filter: Filter
  /** Half-open, Unix milliseconds. */
  readonly sinceMs: number | undefined
  readonly untilMs: number | undefined
  readonly follow: boolean
}

/**
 * What happened in a span of time by its own account, or came in then by ours: a host's clock may stand far off, and its lines may
 * come late. One after the other these are the ledger, in its order.
 */
export async function stretchesOf(
  { ledgers }: ApiPorts,
  { tenant }: Reader,
  { filter, sinceMs, untilMs, follow }: Span,
  signal: AbortSignal,
): Promise<readonly Stretch[]> {
  const happened = within(filter, sinceMs, untilMs)
  const from = sinceMs === undefined ? 0 : await ledgers.sizeBefore(tenant, sinceMs, signal)
  const before: Stretch = { filter: allOf(happened, term('leaf', '<', from)), fromLeaf: 0, follow: false }
  if (untilMs === undefined) return [before, { filter, fromLeaf: from, follow }]
  const to = Math.max(from, await ledgers.sizeBefore(tenant, untilMs, signal))
  return [
    before,
    { filter: allOf(filter, term('leaf', '<', to)), fromLeaf: from, follow: false },
    { filter: happened, fromLeaf: to, follow },
  ]
}

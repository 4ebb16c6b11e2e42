// SPDX-License-Identifier: Apache-2.0

import { allOf, type Filter, term, termsOf } from '@sealwatch/contract/filter'
import type { Gate } from '../../access/index.ts'
import type { Reader } from './entries.ts'
import { findingClass } from './entry.ts'

export const eventsOnly: Filter = term('kind', '=', 'event')
/** A host may claim findings, it cannot make them. */
export const alertsOnly: Filter = allOf(eventsOnly, term('source', '=', 'server'), term('class', '=', findingClass))
/** What somebody did, or tried to. */
export const actsOnly: Filter = allOf(eventsOnly, term('source', '=', 'server'), term('class', '!=', findingClass))

/** Whoever may not see acts sees the rest: what hosts say, what was found, and what the ledger itself consists of. */
const withoutActs: Filter = {
  is: 'or',
  parts: [term('source', '=', 'host'), term('class', '=', findingClass), term('kind', '!=', 'event')],
}

/** Acts are among a tenant's lines, and not for everybody who may see those. */
export const maySeeActs = (gate: Gate, { principal, tenant }: Reader): boolean =>
  gate.mayDo(principal, 'audit:list', tenant)

export const seenBy = (gate: Gate, by: Reader, filter: Filter): Filter =>
  maySeeActs(gate, by) ? filter : allOf(filter, withoutActs)

/** Events, unless the filter says itself which kinds (docs/formats/filter.md, 5.2). */
export const listed = (filter: Filter | undefined): Filter =>
  filter === undefined
    ? eventsOnly
    : termsOf(filter).some(({ field }) => field === 'kind')
      ? filter
      : allOf(eventsOnly, filter)

/** Half-open, Unix milliseconds. */
export function within(filter: Filter, sinceMs: number | undefined, untilMs: number | undefined): Filter {
  return allOf(
    filter,
    sinceMs === undefined ? undefined : term('time', '>=', sinceMs),
    untilMs === undefined ? undefined : term('time', '<', untilMs),
  )
}

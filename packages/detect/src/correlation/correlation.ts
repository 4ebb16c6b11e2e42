// SPDX-License-Identifier: Apache-2.0

import type { Attribute } from '../reading.ts'
import type { RuleHead } from '../sigma/rule.ts'

export type CorrelationKind = 'event_count' | 'value_count' | 'temporal' | 'temporal_ordered'

/** Where an event has what a correlation groups by and what it counts the values of; of several places any. */
export type Keys = {
  readonly groupBy: readonly (readonly Attribute[])[]
  readonly fields: readonly (readonly Attribute[])[]
}

/** Ids from what a correlation is about down to the rule that fired: one, or through other correlations several. */
export type Route = readonly string[]
export const routeKey = (route: Route): string => route.join('\n')

/** What comes together within a time. Sigma correlation rules specification 2.1. */
export type Correlation = RuleHead & {
  readonly kind: CorrelationKind
  readonly spanNs: bigint
  /** Of rules and other correlations, in their order. */
  readonly sources: readonly string[]
  readonly groupBy: readonly string[]
  readonly keys: ReadonlyMap<string, Keys>
  readonly holds: (count: number) => boolean
  /** More may make it false again, so it is asked once the time is over. */
  readonly isAtEnd: boolean
  /** What it is about tells nothing of its own. */
  readonly silences: boolean
  /** How many correlations stand behind it, itself included. */
  readonly depth: number
}

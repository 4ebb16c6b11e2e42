// SPDX-License-Identifier: Apache-2.0

import type { Side } from '@sealwatch/contract'
import { createCorrelations } from './correlation/correlations.ts'
import { matchesOf, type Ruleset } from './ruleset.ts'
import type { RuleHead } from './sigma/rule.ts'

type Judged = {
  /** `time`: Unix milliseconds; where it is none, the event is as old as can be. */
  readonly event: { readonly type_uid: number; readonly time?: unknown }
  /** The personal values of the event's line. */
  readonly side?: Side
}

/**
 * What rules say of events that are at hand, in their order, without a ledger: each that fires for one, and each correlation with the event that
 * completes it, by the events' own times. `at`: the event's place in the list.
 */
export function judged(
  ruleset: Ruleset,
  events: readonly Judged[],
): readonly { readonly rule: RuleHead; readonly at: number }[] {
  const correlations = createCorrelations(ruleset.correlations)
  return events.flatMap(({ event, side = {} }, at) => {
    const timeNs = Number.isSafeInteger(event.time) ? BigInt(event.time as number) * 1_000_000n : 0n
    const leaf = { tenant: '', chain: '', seq: at, leaf_index: at, leaf_hash: String(at) }
    return matchesOf(ruleset, event, side)
      .flatMap(({ rule }) => [
        rule,
        ...correlations
          .feed({ ruleId: rule.id, event, side, timeNs, leaf })
          .map(({ correlation }): RuleHead => correlation),
      ])
      .filter(({ id }) => !ruleset.silent.has(id))
      .map((rule) => ({ rule, at }))
  })
}

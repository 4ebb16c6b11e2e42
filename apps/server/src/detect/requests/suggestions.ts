// SPDX-License-Identifier: Apache-2.0
// What people said of threats, and what follows from it: which exception would have kept false alarms from being told.

import { pathFault } from '@sealwatch/contract/policy-values'
import type { DetectorName } from '@sealwatch/detect/verdict'
import type { Tables } from '../../store/index.ts'
import type { RequestMatter } from './exception.ts'

export type FeedbackRow = Tables['request_feedback']
/** An exception, and how many false alarms it is about. */
export type Suggestion = RequestMatter & { readonly falseAlarms: number }

type Threat = {
  readonly method?: string
  readonly route?: string
  readonly reasons: readonly { readonly detector: DetectorName; readonly id?: string; readonly where?: string }[]
}

const repeated = 2
export const suggestionsMax = 20

/**
 * Of the same rule at the same place of the same route, what was a false alarm twice and an attack never; most frequent first.
 * Without the service's own name of the route there is none to be named: the ledger knows no paths.
 */
export function suggestionsOf(rows: readonly FeedbackRow[]): Suggestion[] {
  const found = new Map<string, Suggestion>()
  const attacks = new Set<string>()
  for (const { word, threat } of rows)
    for (const matter of mattersOf(JSON.parse(threat) as Threat)) {
      const key = JSON.stringify(Object.values(matter))
      if (word === 'right') attacks.add(key)
      else found.set(key, { ...matter, falseAlarms: (found.get(key)?.falseAlarms ?? 0) + 1 })
    }
  return Array.from(found)
    .filter(([key, { falseAlarms }]) => falseAlarms >= repeated && !attacks.has(key))
    .map(([, suggestion]) => suggestion)
    .sort((one, other) => other.falseAlarms - one.falseAlarms)
    .slice(0, suggestionsMax)
}

function mattersOf({ method, route, reasons }: Threat): RequestMatter[] {
  // A name is one route; an exception would take its `*` for any.
  if (route === undefined || /[*?\\]/.test(route) || pathFault(route) !== undefined) return []
  const matters = reasons.flatMap(({ detector, id, where }): RequestMatter[] => {
    // A place that is redacted matches none.
    const isRedacted = where !== undefined && /[…·#*?\\]/.test(where)
    return isRedacted ? [] : [{ detector, id: id ?? null, method: method ?? null, route, where: where ?? null }]
  })
  return [...new Map(matters.map((matter) => [JSON.stringify(matter), matter])).values()]
}

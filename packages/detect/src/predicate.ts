// SPDX-License-Identifier: Apache-2.0

import type { Reason } from '@sealwatch/contract'
import { allNeeded, eitherOf, type Needs } from './needs.ts'
import type { Reading } from './reading.ts'

/** Why it holds, or undefined when it does not. Pure; never throws, whatever the event. */
export type Judge = (reading: Reading) => readonly Reason[] | undefined

/** A question to an event, and what every event has for which the answer is yes. */
export type Predicate = { readonly judge: Judge; readonly needs: Needs }

export function allOf(predicates: readonly Predicate[]): Predicate {
  const [only] = predicates
  if (only !== undefined && predicates.length === 1) return only
  const judge: Judge = (reading) => {
    const reasons: Reason[] = []
    for (const predicate of predicates) {
      const its = predicate.judge(reading)
      if (!its) return undefined
      reasons.push(...its)
    }
    return reasons
  }
  return { judge, needs: allNeeded(predicates.map(({ needs }) => needs)) }
}

export function firstOf(predicates: readonly Predicate[]): Predicate {
  const [only] = predicates
  if (only !== undefined && predicates.length === 1) return only
  const judge: Judge = (reading) => {
    for (const predicate of predicates) {
      const reasons = predicate.judge(reading)
      if (reasons) return reasons
    }
    return undefined
  }
  return { judge, needs: eitherOf(predicates.map(({ needs }) => needs)) }
}

export function not({ judge }: Predicate): Predicate {
  return { judge: (reading) => (judge(reading) ? undefined : []), needs: [] }
}

// SPDX-License-Identifier: Apache-2.0

import { detectError } from '../../errors.ts'

/** What is done from which score on; below `observe` it is let through. */
export type Thresholds = { readonly observe: number; readonly challenge: number; readonly block: number }
export const actions = ['allow', 'observe', 'challenge', 'block'] as const
export type RecommendedAction = (typeof actions)[number]

/** `observe`: nothing is refused, and the verdict says what would have been. */
export const judgingModes = ['observe', 'block'] as const
export type JudgingMode = (typeof judgingModes)[number]

/** What is done of what is recommended. */
export const actionIn = (mode: JudgingMode, recommended: RecommendedAction): RecommendedAction =>
  mode === 'block' || recommended === 'allow' ? recommended : 'observe'

/** Even odds are a threat that is observed; nine of ten are blocked, where the owner of the service blocks at all. */
export const defaultThresholds: Thresholds = { observe: 50, challenge: 75, block: 90 }

/** Throws REQUEST_THRESHOLDS unless they rise from 1 to 100. */
export function checkedThresholds(given: Partial<Thresholds> = {}): Thresholds {
  const { observe, challenge, block } = { ...defaultThresholds, ...given }
  const rising = [1, observe, challenge, block, 100]
  const isGood = rising.every((score, at) => Number.isInteger(score) && score >= (rising[at - 1] ?? 1))
  if (!isGood)
    throw detectError('REQUEST_THRESHOLDS', {
      attempted: 'reading the thresholds of requests',
      received: { observe, challenge, block },
    })
  return { observe, challenge, block }
}

export function actionAt(score: number, { observe, challenge, block }: Thresholds): RecommendedAction {
  if (score >= block) return 'block'
  if (score >= challenge) return 'challenge'
  return score >= observe ? 'observe' : 'allow'
}

// SPDX-License-Identifier: Apache-2.0

import type { DetectorName, Evidence } from './detector.ts'
import type { ThreatType } from './threats.ts'
import { namedShare, nextShare, priorWeight, weightsMax } from './weights.ts'

export type Weighed = Evidence & { readonly detector: DetectorName }
export type Fused = {
  /** Of an attack, from 0 to 1. */
  readonly probability: number
  /** What most of the weight speaks for; undefined without evidence. */
  readonly type: ThreatType | undefined
}

/**
 * Logarithms of odds add up where pieces of evidence know nothing of each other: the sender's address, the sender's habits, and what
 * the request says. Of the same text what one detector says in several ways, and what several that read it say, counts less each
 * time; of two sets of rules the one that says more counts. More evidence never makes an attack less likely.
 */
export function fuse(evidence: readonly Weighed[]): Fused {
  const told = Object.groupBy(evidence, ({ detector }) => detector)
  const by = (detector: DetectorName) => Math.min(weightsMax[detector], ofHeaviestSet(told[detector] ?? []))
  const ofText = together([by('rules'), by('model'), by('signals')])
  const sum = priorWeight + ofText + by('reputation') + by('behaviour')
  return { probability: 1 / (1 + Math.exp(-sum)), type: typeOf(evidence) }
}

function ofHeaviestSet(evidence: readonly Evidence[]): number {
  const bySet = Object.groupBy(evidence, ({ set = '' }) => set)
  return Math.max(0, ...Object.values(bySet).map((own = []) => weightOf(own)))
}

const weightOf = (evidence: readonly Evidence[]): number => together(evidence.map(({ weight }) => weight))

const together = (weights: readonly number[]): number =>
  weights.toSorted((one, other) => other - one).reduce((sum, weight, place) => sum + weight * nextShare ** place, 0)

function typeOf(evidence: readonly Evidence[]): ThreatType | undefined {
  if (evidence.length === 0) return undefined
  const byType = Object.groupBy(evidence, ({ threat = 'other' }) => threat)
  const weights = (Object.entries(byType) as [ThreatType, Evidence[]][]).map(([type, own]) => ({
    type,
    weight: weightOf(own),
  }))
  const heaviest = (found: typeof weights) =>
    found.reduce((best, next) => (next.weight > best.weight ? next : best), { type: 'other', weight: 0 })
  // What can be named says more than what cannot, and what a request says more than who sends it; but not if it hardly says anything.
  const enough = namedShare * heaviest(weights).weight
  const named = weights.filter(({ type, weight }) => type !== 'other' && !ofSenders.has(type) && weight >= enough)
  return heaviest(named.length > 0 ? named : weights).type
}

const ofSenders = new Set<ThreatType>(['bad_address', 'unusual_behaviour'])

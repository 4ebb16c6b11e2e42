// SPDX-License-Identifier: Apache-2.0
// What thresholds come to on traffic that was judged: how many requests had which score, 101 counts from 0 to 100.

import type { Verdict } from './verdict.ts'

export const scoresMax = 100
export type ScoreCounts = readonly number[]

export const newScores = (): number[] => new Array<number>(scoresMax + 1).fill(0)

export const requestsIn = (scores: ScoreCounts): number => scores.reduce((sum, count) => sum + count, 0)

/** Requests with this score or more. */
export const atOrAbove = (scores: ScoreCounts, score: number): number => requestsIn(scores.slice(score))

/**
 * The lowest threshold at or above which lies at most this share of the requests; undefined: even at 100 there are more. Of
 * traffic that is taken for harmless, the share is that of false positives.
 */
export function thresholdFor(scores: ScoreCounts, share: number): number | undefined {
  const most = share * requestsIn(scores)
  for (let score = 1; score <= scoresMax; score += 1) if (atOrAbove(scores, score) <= most) return score
  return undefined
}

/** What was judged, counted: its scores, and what weighed most in each threat. */
export type Tally = { readonly scores: number[]; readonly threats: Map<string, number> }
/** `id`: empty where the reason has none. */
export type CountedReason = { readonly detector: string; readonly id: string; readonly threats: number }

export const newTally = (): Tally => ({ scores: newScores(), threats: new Map() })

export function count(
  { scores, threats }: Tally,
  { score, threat, reasons: [heaviest] }: Pick<Verdict, 'score' | 'threat' | 'reasons'>,
): void {
  scores[score] = (scores[score] ?? 0) + 1
  if (!threat || heaviest === undefined) return
  const key = `${heaviest.detector}:${heaviest.id ?? ''}`
  threats.set(key, (threats.get(key) ?? 0) + 1)
}

export function addTally(to: Tally, { scores, threats }: Tally): void {
  for (const [score, requests] of scores.entries()) to.scores[score] = (to.scores[score] ?? 0) + requests
  for (const [key, times] of threats) to.threats.set(key, (to.threats.get(key) ?? 0) + times)
}

/** The most frequent first. */
export const countedReasons = ({ threats }: Tally): CountedReason[] =>
  Array.from(threats, ([key, times]) => {
    const cut = key.indexOf(':')
    return { detector: key.slice(0, cut), id: key.slice(cut + 1), threats: times }
  }).sort((one, other) => other.threats - one.threats)

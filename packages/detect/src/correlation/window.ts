// SPDX-License-Identifier: Apache-2.0

import type { LeafRef } from '@sealwatch/contract'
import { ruleLimits } from '../limits.ts'
import type { Correlation, CorrelationKind, Route } from './correlation.ts'

/** What a group of a correlation holds of one event, or of another correlation that fired. */
export type Entry = {
  readonly timeNs: bigint
  readonly route: Route
  /** Its place among the correlation's sources. */
  readonly source: number
  /** Digest of the values that are counted. */
  readonly value: string
  /** How many equal acts the event tells of. */
  readonly weight: number
  /** Newest first. */
  readonly leaves: readonly LeafRef[]
}

/** How much of what is counted is among entries in the order of their times. More entries never have less. */
export const counts: Readonly<Record<CorrelationKind, (entries: readonly Entry[]) => number>> = {
  event_count: (entries) => entries.reduce((sum, { weight }) => sum + weight, 0),
  value_count: (entries) => new Set(entries.map(({ value }) => value)).size,
  temporal: (entries) => new Set(entries.map(({ source }) => source)).size,
  temporal_ordered: (entries) => {
    // By source: the most sources that can be had in their order, it being the last.
    const longest: number[] = []
    for (const { source } of entries)
      longest[source] = Math.max(longest[source] ?? 0, 1 + Math.max(0, ...longest.slice(0, source).filter(Number)))
    return Math.max(0, ...longest.filter(Number))
  },
}

/** Puts an entry in its place by time; leaves out what is of no use beside it. */
export function placed(entries: readonly Entry[], entry: Entry, { kind }: Correlation): readonly Entry[] {
  const others = entries.filter((one) => !replaces(kind, entry, one))
  if (others.length < entries.length && entries.some((one) => replaces(kind, one, entry) && one.timeNs > entry.timeNs))
    return entries
  const at = others.findLastIndex(({ timeNs }) => timeNs <= entry.timeNs) + 1
  const all = others.toSpliced(at, 0, entry)
  if (kind === 'event_count' || kind === 'value_count') return all
  // What is asked for once is there with the newest few: a flood of one source shall not push out another.
  const same = all.filter(({ source }) => source === entry.source)
  return same.length > ruleLimits.correlationPerSourceMax ? all.filter((one) => one !== same[0]) : all
}

/** The same event matched another rule; or the value was there before. */
function replaces(kind: CorrelationKind, one: Entry, other: Entry): boolean {
  if (kind === 'value_count') return one.value === other.value
  return kind === 'event_count' && one.leaves[0]?.leaf_index === other.leaves[0]?.leaf_index
}

/** The entries of a window of the correlation's time around `entry` in which it holds. */
export function windowAround(
  entries: readonly Entry[],
  entry: Entry,
  { kind, spanNs, holds }: Correlation,
): readonly Entry[] | undefined {
  for (const [from, first] of entries.entries()) {
    if (first.timeNs > entry.timeNs) return undefined
    if (first.timeNs <= entry.timeNs - spanNs) continue
    const end = entries.findLastIndex(({ timeNs }) => timeNs < first.timeNs + spanNs) + 1
    const window = entries.slice(from, end)
    if (holds(counts[kind](window))) return window
    // The newest is in all of them, so the widest would have held.
    if (entry === entries.at(-1)) return undefined
  }
  return undefined
}

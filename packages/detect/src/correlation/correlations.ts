// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { clip, type LeafRef, type Reason, type Side } from '@sealwatch/contract'
import { ruleLimits } from '../limits.ts'
import { type Attribute, type Reading, readingOf } from '../reading.ts'
import { type Correlation, type Route, routeKey } from './correlation.ts'
import { counts, type Entry, placed, windowAround } from './window.ts'

/** An event for which a rule fired. */
export type Matched = {
  readonly ruleId: string
  /** As its line has it, and the line's personal values. */
  readonly event: object
  readonly side: Side
  /** When it happened, Unix nanoseconds. */
  readonly timeNs: bigint
  readonly leaf: LeafRef
}

/** A correlation that fired: on these leaves, newest first. */
export type Fired = {
  readonly correlation: Correlation
  readonly leaves: readonly LeafRef[]
  /** Where they are too many to be named. */
  readonly leavesInAll: number
  readonly firstNs: bigint
  readonly count: number
  /** Of the newest leaf. */
  readonly route: Route
}

/** What is held of one event, by which it can be held again: no value of it, only where it stands. */
export type Held = { readonly correlation: string; readonly route: Route; readonly leaves: readonly number[] }

/**
 * What correlations hold of the events that matched, each group for the correlation's time. Pure but for that: time is the
 * events' own. The same events in the same order fire the same.
 */
export type Correlations = {
  feed(matched: Matched): readonly Fired[]
  /** Time has come so far: what waits for the end of its time is asked. */
  advance(timeNs: bigint): readonly Fired[]
  /** Whether anything waits for time to pass. */
  readonly isWaiting: boolean
  /** In the order in which they are to be held again. */
  readonly held: readonly Held[]
  /** Holds again what was held, and fires nothing. `leaves`: all of it, newest first; the rest is of the newest. */
  hold(held: Held, newest: Omit<Matched, 'ruleId' | 'leaf'>, leaves: readonly LeafRef[]): void
  /** Groups that gave way for want of room, and events that came too late. */
  readonly forgotten: number
  readonly late: number
}

type Group = {
  readonly id: string
  readonly correlation: Correlation
  entries: readonly Entry[]
}
type Act = { readonly reading: Reading; readonly entry: Omit<Entry, 'route' | 'source' | 'value'> }

const { correlationGroupsMax, correlationLeavesMax, correlationCountMax } = ruleLimits
const leavesIn = (entries: readonly Entry[]) => entries.reduce((sum, { leaves }) => sum + leaves.length, 0)
const newestIn = ({ entries }: Group) => (entries.at(-1) as Entry).timeNs
const lateNs = BigInt(ruleLimits.correlationLateSeconds) * 1_000_000_000n

export function createCorrelations(correlations: readonly Correlation[]): Correlations {
  const byId = new Map(correlations.map((one) => [one.id, one]))
  const bySource = Map.groupBy(
    correlations.flatMap((one) => one.sources.map((source) => ({ one, source }))),
    ({ source }) => source,
  )
  // Least recently used first.
  const groups = new Map<string, Group>()
  const waiting = new Set<Group>()
  const told = { leaves: 0, forgotten: 0, late: 0 }

  function keep(group: Group, entries: readonly Entry[]): void {
    told.leaves += leavesIn(entries) - leavesIn(group.entries)
    group.entries = entries
    groups.delete(group.id)
    waiting.delete(group)
    if (entries.length === 0) return
    groups.set(group.id, group)
    if (group.correlation.isAtEnd) waiting.add(group)
  }

  function makeRoom(): void {
    for (const group of groups.values()) {
      if (groups.size <= correlationGroupsMax && told.leaves <= correlationLeavesMax) return
      keep(group, [])
      told.forgotten += 1
    }
  }

  /** Those whose time is over, from the one that was used least recently up to one that is not. */
  function expire(timeNs: bigint): void {
    for (const group of groups.values()) {
      if (group.correlation.isAtEnd || newestIn(group) + group.correlation.spanNs + lateNs > timeNs) return
      keep(group, [])
    }
  }

  /** Undefined: the event lacks what the correlation groups by or counts, or comes too late. */
  function put(correlation: Correlation, route: Route, act: Act): { group: Group; entry: Entry } | undefined {
    const keys = correlation.keys.get(routeKey(route))
    const id = keys && digestOf(correlation.id, keys.groupBy, act.reading)
    const value = keys && digestOf('', keys.fields, act.reading)
    if (id === undefined || value === undefined) return undefined
    const entry = { ...act.entry, route, value, source: correlation.sources.indexOf(route[0] as string) }
    const group = groups.get(id) ?? { id, correlation, entries: [] }
    const oldestNs = (group.entries.at(-1)?.timeNs ?? entry.timeNs) - correlation.spanNs - lateNs
    if (entry.timeNs <= oldestNs) {
      told.late += 1
      return undefined
    }
    const fresh = correlation.isAtEnd ? group.entries : group.entries.filter(({ timeNs }) => timeNs > oldestNs)
    // One more than any condition may ask for says as much as a thousand more.
    if (fresh.length <= correlationCountMax) keep(group, placed(fresh, entry, correlation))
    makeRoom()
    return { group, entry }
  }

  function offer(route: Route, act: Act): readonly Fired[] {
    return (bySource.get(route[0] as string) ?? []).flatMap(({ one }) => {
      const found = put(one, route, act)
      if (found === undefined || one.isAtEnd) return []
      const window = windowAround(found.group.entries, found.entry, one)
      return window ? spent(found.group, window, act) : []
    })
  }

  /** What it rests on counts no more, and whoever is about it hears of it. */
  function spent(group: Group, window: readonly Entry[], act: Act | undefined): readonly Fired[] {
    const { correlation } = group
    keep(group, [])
    const newest = window.at(-1) as Entry
    const byIndex = new Map(window.flatMap(({ leaves }) => leaves).map((leaf) => [leaf.leaf_index, leaf]))
    const [last] = newest.leaves
    const all = [last as LeafRef, ...[...byIndex.values()].filter((leaf) => leaf !== last).reverse()]
    const leaves = all.slice(0, correlationCountMax)
    const count = counts[correlation.kind](window)
    const firstNs = (window[0] as Entry).timeNs
    const fired = { correlation, leaves, leavesInAll: all.length, firstNs, count, route: newest.route }
    const outer = act && { reading: act.reading, entry: { timeNs: newest.timeNs, weight: 1, leaves } }
    return [fired, ...(outer ? offer([correlation.id, ...newest.route], outer) : [])]
  }

  const endOf = ({ entries, correlation }: Group) => (entries[0] as Entry).timeNs + correlation.spanNs

  function advance(timeNs: bigint): readonly Fired[] {
    const due = [...waiting].filter((group) => endOf(group) + lateNs <= timeNs)
    return due.flatMap((group) => {
      const { kind, holds } = group.correlation
      const [window, rest] = [[] as Entry[], [] as Entry[]]
      for (const entry of group.entries) (entry.timeNs < endOf(group) ? window : rest).push(entry)
      const fired = holds(counts[kind](window)) ? spent(group, window, undefined) : []
      keep(group, rest)
      return fired
    })
  }

  return {
    advance,
    feed: ({ ruleId, event, side, timeNs, leaf }) => {
      const entry = { timeNs, weight: weightOf(event), leaves: [leaf] }
      expire(timeNs)
      return [...advance(timeNs), ...offer([ruleId], { reading: readingOf(event, side), entry })]
    },
    hold({ correlation, route }, { event, side, timeNs }, leaves) {
      const known = byId.get(correlation)
      const weight = route.length === 1 ? weightOf(event) : 1
      if (known) put(known, route, { reading: readingOf(event, side), entry: { timeNs, weight, leaves } })
    },
    get held() {
      return [...groups.values()].flatMap(({ correlation, entries }) =>
        entries.map(({ route, leaves }) => ({
          correlation: correlation.id,
          route,
          leaves: leaves.map(({ leaf_index }) => leaf_index),
        })),
      )
    },
    get isWaiting() {
      return waiting.size > 0
    },
    get forgotten() {
      return told.forgotten
    },
    get late() {
      return told.late
    },
  }
}

/** Why it fired: how much came together, and what the events have in common, as the newest has it. */
export function reasonsOf({ correlation, route, count }: Fired, event: object, side: Side): readonly Reason[] {
  const reading = readingOf(event, side)
  const { groupBy = [] } = correlation.keys.get(routeKey(route)) ?? {}
  const common = groupBy.flatMap((places, at) =>
    places.flatMap(reading).map(({ pointer, sealed }) => ({
      selection: 'group-by',
      field: correlation.groupBy[at] as string,
      attribute: pointer,
      value: typeof sealed === 'string' ? clip(sealed, ruleLimits.reasonUnitsMax) : sealed,
    })),
  )
  return [{ selection: correlation.kind, field: 'count', attribute: '/event', value: count }, ...common]
}

/** Undefined where one of them is absent. */
function digestOf(head: string, places: readonly (readonly Attribute[])[], reading: Reading): string | undefined {
  const values = places.map((attributes) => attributes.flatMap((one) => reading(one)).map(({ text }) => text))
  if (values.some(({ length }) => length === 0)) return undefined
  return hash('sha256', JSON.stringify([head, ...values]), 'hex')
}

/** An event of equal acts counts them (docs/formats/event.md, 3.20). */
function weightOf(event: object): number {
  const { count } = event as { readonly count?: unknown }
  return Number.isSafeInteger(count) && (count as number) > 0 ? Math.min(count as number, correlationCountMax + 1) : 1
}

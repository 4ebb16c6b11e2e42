// SPDX-License-Identifier: Apache-2.0

import { type Filter, type FilterBounds, filterBounds, filterMatch, needsLine } from '@sealwatch/contract/filter'
import type { Leaf, Ledger } from '@sealwatch/ledger'
import type { Authorised } from '../../access/index.ts'
import { type LeafQuery, leavesBySpan, leavesOfKinds, marksOfFills, ownLeaves } from '../../ingest/index.ts'
import { apiError } from '../errors.ts'
import type { ApiPorts } from '../ports.ts'
import { type Entry, entryOf } from './entry.ts'
import { filterWhere } from './filter-where.ts'

/** What lets somebody read lines of a tenant's ledger. */
export type Reader = Authorised<
  'alert:list' | 'event:list' | 'event:export' | 'event:reveal' | 'audit:list' | 'feed:subscribe' | 'incident:read'
>

export type EntryQuery = {
  readonly filter: Filter
  readonly order: 'newest' | 'oldest'
  /** Where to go on; undefined: from the end of the ledger, or its beginning. */
  readonly from: number | undefined
  readonly limit: number
}

export type EntryPage = {
  readonly entries: readonly Entry[]
  /** Where to go on; undefined: there is nothing more. It may be there although nothing was found yet. */
  readonly next: number | undefined
  /** Oldest first: of what lies before this leaf all that matches was told by now. */
  readonly reached: number
}

/** What one page may cost; the next one goes on from where it ended. */
export const pageBounds = {
  /** Leaves that one question to the index is about: where it can pass over most of them, and where it looks at each. */
  narrowLeaves: 4_194_304,
  wideLeaves: 65_536,
  questionsMax: 32,
  linesMax: 8_192,
  /** Lines that are read, and judged, together. */
  batchMax: 256,
}
const readAhead = 64

/** A page of a tenant's lines. What was durable when it was asked for is in it, however far the index lags. */
export async function pageOfEntries(
  ports: ApiPorts,
  by: Reader,
  { filter, order, from, limit }: EntryQuery,
  signal: AbortSignal,
  { questionsMax, linesMax, batchMax, ...leaves }: typeof pageBounds = pageBounds,
): Promise<EntryPage> {
  const { tenant } = by
  const ledger = ports.ledgers.get(tenant)
  const { size } = ledger
  await ports.index.waitFor(tenant, size, signal)
  if (signal.aborted) return { entries: [], next: from ?? 0, reached: from ?? 0 }
  const isNewest = order === 'newest'
  const bounds = filterBounds(filter)
  const match = needsLine(filter) ? filterMatch(filter) : undefined
  const rest = {
    from: Math.max(bounds.fromLeaf, isNewest ? 0 : (from ?? 0)),
    before: Math.min(bounds.toLeaf, size, isNewest ? (from ?? size) : size),
  }
  const entries: Entry[] = []
  let lines = 0
  for (let questions = 0; rest.from < rest.before && entries.length < limit; questions += 1) {
    if (questions === questionsMax || lines >= linesMax || signal.aborted) break
    // Everybody else has a turn, too.
    if (questions > 0) await ports.clock.sleep(0)
    const stretch = stretchOf(rest, isNarrow(bounds) ? leaves.narrowLeaves : leaves.wideLeaves, isNewest)
    const max = match === undefined ? Math.min(limit - entries.length, batchMax) : batchMax
    const places = await leavesIn(ports, tenant, filter, bounds, { ...stretch, order: isNewest ? 'desc' : 'asc' }, max)
    const found = await readEntries(ports, ledger, places)
    lines += found.length
    let last: number | undefined
    for (const entry of found) {
      if (entries.length === limit) break
      last = entry.leaf
      if (match?.(entry) ?? true) entries.push(entry)
    }
    const isDone = places.length < max && last === places.at(-1)
    if (isNewest) rest.before = isDone ? stretch.from : (last as number)
    else rest.from = isDone ? stretch.before : (last as number) + 1
  }
  const next = isNewest ? rest.before : rest.from
  return rest.from < rest.before ? { entries, next, reached: rest.from } : { entries, next: undefined, reached: size }
}

export type Stretch = {
  readonly filter: Filter
  readonly fromLeaf: number
  readonly follow: boolean
}

/** Lines from `fromLeaf` on, oldest first. With `follow` it goes on with what comes until the signal fires. */
export async function* streamEntries(
  ports: ApiPorts,
  by: Reader,
  { filter, fromLeaf, follow }: Stretch,
  signal: AbortSignal,
): AsyncGenerator<Entry> {
  const ledger = ports.ledgers.get(by.tenant)
  let from = fromLeaf
  do {
    const end = ledger.size
    while (from < end && !signal.aborted) {
      const query: EntryQuery = { filter, order: 'oldest', from, limit: pageBounds.batchMax }
      const page = await pageOfEntries(ports, by, query, signal)
      yield* page.entries
      from = page.reached
    }
    if (signal.aborted && !follow) throw apiError('API_STOPPING', { attempted: `listing leaf ${from} of ${end}` })
    if (follow) await ledger.waitFor(from, signal)
  } while (follow && !signal.aborted)
}

/** The entry at a leaf; undefined: the ledger does not go so far. Throws LEDGER_ALTERED. */
export async function entryAt(ports: ApiPorts, by: Reader, leaf: number): Promise<Entry | undefined> {
  const ledger = ports.ledgers.get(by.tenant)
  if (leaf >= ledger.size) return undefined
  const [entry] = await readEntries(ports, ledger, [leaf])
  return entry
}

type Leaves = { readonly from: number; readonly before: number }

function stretchOf({ from, before }: Leaves, leaves: number, isNewest: boolean): Leaves {
  return isNewest
    ? { from: Math.max(from, before - leaves), before }
    : { from, before: Math.min(before, from + leaves) }
}

const isNarrow = ({ classUids, fromMs, toMs, own, kinds }: FilterBounds): boolean =>
  own || classUids !== undefined || kinds?.has('event') === false || fromMs > 0 || toMs < Number.POSITIVE_INFINITY

async function leavesIn(
  { indexDb }: ApiPorts,
  tenant: string,
  filter: Filter,
  { classUids, kinds, own, fromMs, toMs }: FilterBounds,
  at: Leaves & Pick<LeafQuery, 'order'>,
  max: number,
): Promise<number[]> {
  if (classUids?.size === 0 || kinds?.size === 0) return []
  const query: LeafQuery = {
    tenant,
    ...at,
    sinceMs: fromMs === Number.NEGATIVE_INFINITY ? undefined : fromMs,
    untilMs: toMs === Number.POSITIVE_INFINITY ? undefined : toMs,
    classUids: [...(classUids ?? [])],
  }
  const where = filterWhere(tenant, filter)
  const rows = own
    ? ownLeaves(indexDb, query).where(where)
    : kinds !== undefined && !kinds.has('event')
      ? leavesOfKinds(indexDb, { ...query, kinds: [...kinds] }).where(where)
      : leavesBySpan(indexDb, query).where(where)
  const found = await rows.limit(max).execute()
  return found.map(({ leaf_index }) => leaf_index)
}

/** In the order of the leaves that are given, which goes up or down. What stands between two is read over when it is little. */
export async function readEntries(ports: ApiPorts, ledger: Ledger, leaves: readonly number[]): Promise<Entry[]> {
  const [first, last] = [leaves[0] ?? 0, leaves.at(-1) ?? 0]
  const hostOf = await ports.hostBook.of(ledger.tenant)
  const upwards = first > last ? leaves.toReversed() : leaves
  const entries: Entry[] = []
  let ahead: readonly Leaf[] = []
  let marks: ReadonlyMap<number, string> = new Map()
  for (const [i, leaf] of upwards.entries()) {
    const start = ahead[0]?.index ?? 0
    if (leaf < start || leaf >= start + ahead.length) {
      let to = i
      while (to + 1 < upwards.length && (upwards[to + 1] as number) < leaf + readAhead) to += 1
      ahead = await ledger.readChecked(leaf, (upwards[to] as number) - leaf + 1)
      marks = await marksOfFills(ports.indexDb, ledger.tenant, leaf, leaf + ahead.length)
    }
    const found = ahead[leaf - (ahead[0]?.index ?? 0)]
    if (found?.index !== leaf)
      throw new RangeError(`leaf ${leaf} is in the index and not in the ledger of ${ledger.tenant}`)
    entries.push(entryOf(ledger, found, hostOf, marks.get(leaf)))
  }
  return first > last ? entries.reverse() : entries
}

// SPDX-License-Identifier: Apache-2.0

import type { Clock, JsonObject } from '@sealwatch/base'
import type { Side } from '@sealwatch/contract'
import { sideOfFinding } from '@sealwatch/detect'
import type { Leaf, Ledger } from '@sealwatch/ledger'
import { leavesBySpan } from '../ingest/index.ts'
import type { Store } from '../store/index.ts'

/** An event of a tenant's ledger, with its personal values where they were asked for and can be opened. */
export type RecordedEvent = { readonly leafIndex: number; readonly event: JsonObject; readonly side: Side }

export type RecordedOptions = {
  readonly ledger: Ledger
  readonly store: Store
  readonly openSide: (tenant: string, leafHash: string, sealed: Uint8Array) => Promise<string>
  readonly clock: Clock
  /** Ends when it is this reader's turn again. */
  readonly pause: () => Promise<void>
}

export type RecordedQuery = {
  readonly sinceMs: number
  /** Leaves from here on are not looked at. */
  readonly before: number
  /** Undefined: every class. */
  readonly classUids: readonly number[] | undefined
  readonly withNames: boolean
}

const leavesAtOnce = 256
const findingClass = 2004
/** So long others wait at most: the same thread answers them. */
const sliceNs = 2_000_000n

/** How many entries the index has of these classes, in the stretches of the ledger that reach into the time. */
export async function countRecorded(
  { ledger: { tenant }, store }: RecordedOptions,
  query: RecordedQuery,
): Promise<number> {
  const { entries } = await store.index
    .selectFrom('spans')
    .innerJoin('span_classes', (join) =>
      join.onRef('span_classes.tenant', '=', 'spans.tenant').onRef('span_classes.first_leaf', '=', 'spans.first_leaf'),
    )
    .where('spans.tenant', '=', tenant)
    .where('spans.to_ms', '>=', query.sinceMs)
    .where('spans.first_leaf', '<', query.before)
    .where('span_classes.tenant', '=', tenant)
    .$if(query.classUids !== undefined, (spans) => spans.where('span_classes.class_uid', 'in', query.classUids ?? []))
    .select(({ fn }) => fn.sum<number | null>('span_classes.entries').as('entries'))
    .executeTakeFirstOrThrow()
  return Number(entries ?? 0)
}

/** Events as they stand in the ledger, each line held against its hash. Findings are the server's own: a host may claim any. */
export async function* recordedEvents(options: RecordedOptions, query: RecordedQuery): AsyncGenerator<RecordedEvent> {
  const { ledger, store, clock, pause } = options
  let untilNs = clock.monotonicNs() + sliceNs
  for await (const leaves of matchingLeaves(store, ledger.tenant, query)) {
    const sides = query.withNames ? await sealedSides(store, ledger.tenant, leaves) : new Map<number, Uint8Array>()
    for await (const { index, line } of linesAt(ledger, leaves)) {
      if (clock.monotonicNs() >= untilNs) {
        await pause()
        untilNs = clock.monotonicNs() + sliceNs
      }
      const { chain, event } = parseLine(line)
      const isFinding = event?.class_uid === findingClass
      if (event === undefined || (isFinding && chain !== ledger.chain)) continue
      const side = !query.withNames
        ? {}
        : isFinding
          ? await findingSide(options, event)
          : await openSide(options, index, sides.get(index))
      yield { leafIndex: index, event, side }
    }
  }
}

const parseLine = (line: Uint8Array) =>
  JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('utf8')) as {
    readonly chain: string
    readonly event?: JsonObject
  }

async function* matchingLeaves(store: Store, tenant: string, query: RecordedQuery): AsyncGenerator<readonly number[]> {
  const { sinceMs, before, classUids = [] } = query
  for (let from = 0; ; ) {
    const rows = await leavesBySpan(store.index, { tenant, from, before, sinceMs, untilMs: undefined, classUids })
      .where('entries.kind', '=', 'event')
      .limit(leavesAtOnce)
      .execute()
    yield rows.map(({ leaf_index }) => leaf_index)
    if (rows.length < leavesAtOnce) return
    from = (rows.at(-1)?.leaf_index ?? before) + 1
  }
}

/** What stands between two leaves is read over when it is little. */
async function* linesAt(ledger: Ledger, leaves: readonly number[]): AsyncGenerator<Leaf> {
  let ahead: readonly Leaf[] = []
  for (const leaf of leaves) {
    const from = ahead[0]?.index ?? Number.POSITIVE_INFINITY
    if (leaf < from || leaf >= from + ahead.length) ahead = await ledger.readChecked(leaf, leavesAtOnce)
    const found = ahead[leaf - (ahead[0]?.index ?? 0)]
    if (found === undefined)
      throw new RangeError(`leaf ${leaf} is in the index and not in the ledger of ${ledger.tenant}`)
    yield found
  }
}

async function sealedSides(
  { index }: Store,
  tenant: string,
  leaves: readonly number[],
): Promise<Map<number, Uint8Array>> {
  const rows = await index
    .selectFrom('side_values')
    .select(['leaf_index', 'sealed'])
    .where('tenant', '=', tenant)
    .where('leaf_index', '>=', leaves[0] ?? 0)
    .where('leaf_index', '<=', leaves.at(-1) ?? -1)
    .execute()
  return new Map(rows.map(({ leaf_index, sealed }) => [leaf_index, sealed]))
}

async function openSide(
  { ledger, openSide: open }: RecordedOptions,
  leaf: number,
  sealed: Uint8Array | undefined,
): Promise<Side> {
  if (sealed === undefined) return {}
  const opened = await open(ledger.tenant, ledger.leafHashes(leaf, leaf + 1)[0]?.toHex() ?? '', sealed)
  return opened === '' ? {} : (JSON.parse(opened) as Side)
}

/** A finding carries commitments of the event it rests on, whose values are kept there alone. */
async function findingSide(options: RecordedOptions, finding: JsonObject): Promise<Side> {
  const { ledger, store } = options
  const leaf = (finding as { unmapped?: { leaves?: readonly { leaf_index?: unknown }[] } }).unmapped?.leaves?.[0]
    ?.leaf_index
  if (!Number.isSafeInteger(leaf) || (leaf as number) < 0 || (leaf as number) >= ledger.size) return {}
  const index = leaf as number
  const [evidence] = await ledger.readChecked(index, 1)
  const event = evidence && parseLine(evidence.line).event
  if (event === undefined) return {}
  const sides = await sealedSides(store, ledger.tenant, [index])
  return sideOfFinding(event, await openSide(options, index, sides.get(index)), finding)
}

// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import { eventClasses, type Side } from '@sealwatch/contract'
import { sideOfFinding } from '@sealwatch/detect'
import type { Leaf } from '@sealwatch/ledger'
import { leavesBySpan, ownLeaves } from '../ingest/index.ts'
import { apiError } from './errors.ts'
import type { ApiPorts } from './ports.ts'

export type EntryQuery = {
  readonly tenant: string
  readonly fromLeaf: number
  /** Unix milliseconds, half-open; undefined: unbounded. */
  readonly sinceMs: number | undefined
  readonly untilMs: number | undefined
  /** Empty: every class. */
  readonly classUids: readonly number[]
  /** Only what the control plane itself wrote: a host may claim findings, it cannot make them. */
  readonly ownOnly: boolean
  readonly follow: boolean
}

export type FoundEntry = {
  readonly leafIndex: number
  readonly line: Uint8Array
  /** Canonical JSON of the opened personal values; empty when there are none. */
  readonly side: string
}

const pageRows = 256
const readAhead = 64
const findingClass = eventClasses.finding.uid

/** Events that match, oldest first. With `follow` it goes on with what comes until the signal fires. */
export async function* findEntries(
  ports: ApiPorts,
  query: EntryQuery,
  signal: AbortSignal,
): AsyncGenerator<FoundEntry> {
  const ledger = ports.ledgers.get(query.tenant)
  let next = query.fromLeaf
  for (;;) {
    // What was durable when the caller asked is in the answer, however far the index lags.
    const end = ledger.size
    await ports.index.waitFor(query.tenant, end, signal)
    while (next < end && !signal.aborted) {
      const leaves = await pageOf(ports, query, next, end)
      yield* entriesAt(ports, query.tenant, leaves)
      next = leaves.length < pageRows ? end : (leaves.at(-1) ?? end) + 1
    }
    if (!query.follow) {
      if (next < end) throw apiError('API_STOPPING', { attempted: `listing leaf ${next} of ${end}` })
      return
    }
    await ledger.waitFor(next, signal)
    if (signal.aborted) return
  }
}

async function pageOf({ indexDb }: ApiPorts, query: EntryQuery, from: number, before: number): Promise<number[]> {
  const at = { ...query, from, before }
  const rows = query.ownOnly
    ? await ownLeaves(indexDb, at).where('entries.kind', '=', 'event').limit(pageRows).execute()
    : await leavesBySpan(indexDb, at).where('entries.kind', '=', 'event').limit(pageRows).execute()
  return rows.map((row) => row.leaf_index)
}

export async function entryAt(ports: ApiPorts, tenant: string, leafIndex: number): Promise<FoundEntry> {
  for await (const entry of entriesAt(ports, tenant, [leafIndex])) return entry
  throw new RangeError(`leaf ${leafIndex} is in the index and not in the ledger of ${tenant}`)
}

/** The entries of some leaves, in ascending order, with the personal values of findings looked up in their evidence. */
async function* entriesAt(ports: ApiPorts, tenant: string, leaves: readonly number[]): AsyncGenerator<FoundEntry> {
  for await (const entry of storedEntriesAt(ports, tenant, leaves)) {
    yield entry.side === '' ? { ...entry, side: await sideOfFindingIn(ports, tenant, entry.line) } : entry
  }
}

/** Reads the ledger and the index in stretches: what stands between two leaves is read over when it is little. */
async function* storedEntriesAt(
  { indexDb, ledgers, openSide }: ApiPorts,
  tenant: string,
  leaves: readonly number[],
): AsyncGenerator<FoundEntry> {
  const ledger = ledgers.get(tenant)
  const rows = await indexDb
    .selectFrom('side_values')
    .select(['leaf_index', 'sealed'])
    .where('tenant', '=', tenant)
    .where('leaf_index', 'in', leaves.length > 0 ? leaves : [-1])
    .execute()
  const sides = new Map(rows.map(({ leaf_index, sealed }) => [leaf_index, sealed]))
  let ahead: readonly Leaf[] = []
  for (const leafIndex of leaves) {
    if (!ahead.some(({ index }) => index === leafIndex)) ahead = await ledger.readChecked(leafIndex, readAhead)
    const line = ahead.find(({ index }) => index === leafIndex)?.line
    if (line === undefined) throw new RangeError(`leaf ${leafIndex} is in the index and not in the ledger of ${tenant}`)
    const sealed = sides.get(leafIndex)
    const side = sealed === undefined ? '' : await openSide(tenant, leafHashOf(ledger, leafIndex), sealed)
    yield { leafIndex, line, side }
  }
}

/**
 * A finding of ours carries commitments of the event it rests on, whose values are kept there alone. What was sealed as
 * an event of that class may be of any form: it then rests on nothing.
 */
async function sideOfFindingIn(ports: ApiPorts, tenant: string, bytes: Uint8Array): Promise<string> {
  const { chain, event: finding } = parseEntry(bytes)
  if (chain !== ports.ledgers.get(tenant).chain || finding?.class_uid !== findingClass) return ''
  const [leaf] = leavesOf(finding, ports.ledgers.get(tenant).size)
  if (leaf === undefined) return ''
  for await (const evidence of storedEntriesAt(ports, tenant, [leaf])) {
    const { event } = parseEntry(evidence.line)
    if (event === undefined || evidence.side === '') return ''
    return canonicalize(sideOfFinding(event, JSON.parse(evidence.side) as Side, finding))
  }
  return ''
}

/** The leaves before `size` that an event says it rests on, whatever its form. */
export function leavesOf(event: { readonly unmapped?: unknown }, size: number): number[] {
  const { leaves } = (event.unmapped ?? {}) as { leaves?: unknown }
  if (!Array.isArray(leaves)) return []
  const indices = leaves.map((leaf: { leaf_index?: unknown } | null) => leaf?.leaf_index)
  return indices.filter(
    (index): index is number => Number.isSafeInteger(index) && (index as number) >= 0 && (index as number) < size,
  )
}

const parseEntry = (line: Uint8Array) =>
  JSON.parse(Buffer.from(line).toString('utf8')) as {
    chain: string
    event?: { class_uid?: unknown; unmapped?: unknown }
  }

function leafHashOf(ledger: ReturnType<ApiPorts['ledgers']['get']>, leafIndex: number): string {
  return ledger.leafHashes(leafIndex, leafIndex + 1)[0]?.toHex() ?? ''
}

// SPDX-License-Identifier: Apache-2.0

import { parseRfc3339 } from '@sealwatch/base'
import { type Ledger, type Line, parseLine, sha256, tileWidth } from '@sealwatch/ledger'
import { sql } from 'kysely'
import { type Store, spanLeaves } from '../../store/index.ts'

/** A line that the server itself wrote: hosts and services say what they like in theirs. */
export type OwnLine = { readonly leaf: number; readonly line: Line }
export type ReadLedger = Pick<Ledger, 'tenant' | 'chain' | 'size' | 'registry' | 'keyLines' | 'readChecked'>
export type IndexedLedger = { readonly ledger: ReadLedger; readonly index: Store['index'] }

const attempted = 'reading what the server wrote into a ledger'
const readAtOnce = 4096
const ownPrefix = (chain: string) => Buffer.from(`{"chain":"${chain}"`)
const keyKinds = ['key', 'registry'] as const
/** OCSF 1.x: every act of somebody is of this class. */
const entityManagement = 3004
/** Clocks are set right, and set back by hand. */
const slackMs = 3_600_000

/** How far the index has come in the ledger; what is behind that is read line by line. */
async function coveredIn({ ledger: { tenant, size }, index }: IndexedLedger): Promise<number> {
  const cursor = await index.selectFrom('cursors').select('position').where('tenant', '=', tenant).executeTakeFirst()
  return Math.min(cursor?.position ?? 0, size)
}

async function* linesFrom(ledger: ReadLedger, from: number): AsyncGenerator<OwnLine> {
  const prefix = ownPrefix(ledger.chain)
  for (let next = from; next < ledger.size; ) {
    const leaves = await ledger.readChecked(next, readAtOnce)
    for (const { index: leaf, line } of leaves)
      if (prefix.compare(line, 0, prefix.length) === 0) yield { leaf, line: parseLine(sha256, line, attempted).line }
    next += leaves.length
  }
}

/** `leaves` in their order: those that lie side by side are read at once. */
async function* linesAt(ledger: ReadLedger, leaves: readonly number[]): AsyncGenerator<OwnLine> {
  for (let i = 0; i < leaves.length; ) {
    const first = leaves[i] as number
    let end = i + 1
    while ((leaves[end] ?? Number.POSITIVE_INFINITY) < first + tileWidth) end += 1
    const wanted = new Set(leaves.slice(i, end))
    const read = await ledger.readChecked(first, (leaves[end - 1] as number) + 1 - first)
    for (const { index: leaf, line: bytes } of read) {
      if (!wanted.has(leaf)) continue
      i += 1
      const { line } = parseLine(sha256, bytes, attempted)
      if (line.chain === ledger.chain) yield { leaf, line }
    }
    if (read.length === 0) return
  }
}

/**
 * Says the lines that tell of keys, in their order. Which they are the index knows; how many, and which is the last, the ledger
 * knows itself: where the two differ all of it is read.
 */
export async function takeKeyLines(at: IndexedLedger, take: (line: Line) => void, begin: () => void): Promise<void> {
  const { ledger, index } = at
  const covered = await coveredIn(at)
  const rows = await index
    .selectFrom('entries')
    .select('leaf_index')
    .where('tenant', '=', ledger.tenant)
    .where('kind', 'in', keyKinds)
    // As the index over them says it.
    .where(sql<boolean>`kind <> 'event'`)
    .where('leaf_index', '<', covered)
    .orderBy('leaf_index')
    .execute()
  const leaves = rows.map(({ leaf_index }) => leaf_index)
  let [last, count] = [0, 0]
  const takeAll = async (lines: AsyncIterable<OwnLine>) => {
    for await (const { leaf, line } of lines) {
      if (!keyKinds.some((kind) => kind in line)) continue
      take(line)
      last = leaf
      count += 1
    }
  }
  begin()
  await takeAll(linesAt(ledger, leaves))
  await takeAll(linesFrom(ledger, covered))
  if (last === ledger.registry && count === ledger.keyLines) return
  begin()
  await takeAll(linesFrom(ledger, 0))
}

/**
 * Acts of people and of the server, in their order, from the first that was written about `since` (RFC 3339) or later: behind it
 * all of them, for a clock that was set back has written earlier times there.
 */
export async function* actsOf(at: IndexedLedger, since: string): AsyncGenerator<OwnLine> {
  const { ledger, index } = at
  const { tenant } = ledger
  const covered = await coveredIn(at)
  const sinceMs = Number((parseRfc3339(since) ?? 0n) / 1_000_000n) - slackMs
  const spans = index
    .selectFrom('spans')
    .innerJoin('span_classes as class', (join) =>
      join.onRef('class.tenant', '=', 'spans.tenant').onRef('class.first_leaf', '=', 'spans.first_leaf'),
    )
    .where('spans.tenant', '=', tenant)
    .where('class.tenant', '=', tenant)
    .where('class.class_uid', '=', entityManagement)
  const late = await spans
    .select(({ fn }) => fn.min('spans.first_leaf').as('from'))
    .where('spans.to_ms', '>=', sinceMs)
    .executeTakeFirst()
  const due = await spans
    .select('spans.first_leaf')
    .where('spans.first_leaf', '>=', late?.from ?? covered)
    .orderBy('spans.first_leaf')
    .execute()
  let isBegun = false
  for (const { first_leaf } of due) {
    const rows = await index
      .selectFrom('entries')
      .innerJoin('own_entries as own', (join) =>
        join.onRef('own.tenant', '=', 'entries.tenant').onRef('own.leaf_index', '=', 'entries.leaf_index'),
      )
      .select(['entries.leaf_index', 'entries.time_ms'])
      .where('entries.tenant', '=', tenant)
      .where('own.tenant', '=', tenant)
      .where('entries.leaf_index', '>=', first_leaf)
      .where('entries.leaf_index', '<', Math.min(covered, first_leaf + spanLeaves))
      .where('entries.class_uid', '=', entityManagement)
      .orderBy('entries.leaf_index')
      .execute()
    const begin = isBegun ? 0 : rows.findIndex(({ time_ms }) => time_ms >= sinceMs)
    if (begin < 0) continue
    isBegun = true
    yield* linesAt(
      ledger,
      rows.slice(begin).map(({ leaf_index }) => leaf_index),
    )
  }
  yield* linesFrom(ledger, covered)
}

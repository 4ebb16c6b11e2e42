// SPDX-License-Identifier: Apache-2.0

import {
  headKeyId,
  type LeafRange,
  mergeRanges,
  parseLine,
  parseNote,
  sha256,
  wholeFills,
  writeBundle,
} from '@sealwatch/ledger'
import type { Authorised } from '../../access/index.ts'
import { leavesBySpan, leavesOfKinds } from '../../ingest/index.ts'
import { apiError } from '../errors.ts'
import type { ApiPorts } from '../ports.ts'
import { entryAt } from './entries.ts'
import { findingClass } from './entry.ts'
import { leavesOf, sideAt } from './sides.ts'

export type ExportWhat =
  | { readonly alert: string }
  | { readonly incident: string }
  | { readonly sinceMs: number }
  | { readonly leaf: number }
  | { readonly all: true }

export type ExportPiece = { readonly bytes: Uint8Array; readonly linesDone: number; readonly linesTotal: number }

type Exporter = Authorised<'event:export'>

/**
 * A bundle in pieces (docs/formats/bundle.md). It covers what was durable when it was asked for, sealed by tenant and root
 * checkpoint; `reveal`: with the personal values. Throws API_NOT_FOUND before the first piece.
 */
export async function* exportBundle(
  ports: ApiPorts,
  by: Exporter,
  { what, reveal }: { readonly what: ExportWhat; readonly reveal: Authorised<'event:reveal'> | undefined },
  signal: AbortSignal,
): AsyncGenerator<ExportPiece> {
  const { tenant } = by
  const ledger = ports.ledgers.get(tenant)
  const size = ledger.size
  await ports.index.waitFor(tenant, size, signal)
  const ranges = await rangesOf(ports, by, what, signal)
  const sealed = await ports.ledgers.sealed(tenant, size)
  // What came in meanwhile is under the checkpoint, too.
  await ports.index.waitFor(tenant, sealed.checkpoint.size, signal)
  const linesTotal = mergeRanges([{ from: 0, to: 1 }, ...ranges], sealed.checkpoint.size).reduce(
    (sum, { from, to }) => sum + to - from,
    0,
  )
  const request = {
    ledger,
    sealed,
    vkeys: [ports.ledgers.vkey],
    ranges,
    ...(reveal && { reveal: async (leaf: number) => (await sideAt(ports, reveal, leaf)) || undefined }),
  }
  let linesDone = 0
  for await (const { bytes, lines } of writeBundle(request)) {
    if (signal.aborted) throw apiError('API_STOPPING', { attempted: `exporting line ${linesDone} of ${linesTotal}` })
    linesDone += lines
    yield { bytes, linesDone, linesTotal }
  }
}

/** Ranges end with the checkpoint at the latest. */
async function rangesOf(ports: ApiPorts, by: Exporter, what: ExportWhat, signal: AbortSignal): Promise<LeafRange[]> {
  const { tenant } = by
  const ledger = ports.ledgers.get(tenant)
  if ('all' in what) return [{ from: 0, to: Number.MAX_SAFE_INTEGER }]
  if ('leaf' in what) {
    const { leaf } = what
    if (leaf < ledger.size) return await withKeys(ports, tenant, [await batchAround(ports, tenant, leaf)])
    throw apiError('API_NOT_FOUND', { attempted: 'exporting', received: `leaf ${leaf}` })
  }
  if ('sinceMs' in what) {
    const happened = await firstLeafSince(ports, tenant, what.sinceMs)
    const first = Math.min(happened ?? ledger.size, await ports.ledgers.sizeBefore(tenant, what.sinceMs, signal))
    if (first === ledger.size)
      throw apiError('API_NOT_FOUND', {
        attempted: 'exporting',
        received: `no event since ${new Date(what.sinceMs).toISOString()}`,
      })
    const { from } = await batchAround(ports, tenant, first)
    return await withKeys(ports, tenant, [{ from, to: Number.MAX_SAFE_INTEGER }])
  }
  const ranges = 'incident' in what ? rangesOfIncident(ports, by, what.incident) : rangesOfAlert(ports, by, what.alert)
  return await withKeys(ports, tenant, await ranges)
}

/** The whole batches of what was told of it. */
async function rangesOfIncident(ports: ApiPorts, { tenant }: Exporter, incident: string): Promise<LeafRange[]> {
  const rows = await ports.indexDb
    .selectFrom('incident_entries')
    .select('leaf_index')
    .where('tenant', '=', tenant)
    .where('incident', '=', incident)
    .orderBy('leaf_index')
    .execute()
  if (rows.length === 0) throw apiError('API_NOT_FOUND', { attempted: 'exporting an incident', received: incident })
  const ranges: LeafRange[] = []
  for (const { leaf_index } of rows) {
    if (leaf_index >= (ranges.at(-1)?.to ?? 0)) ranges.push(await batchAround(ports, tenant, leaf_index))
  }
  return ranges
}

/** The finding, and the whole batches of what it rests on. */
async function rangesOfAlert(ports: ApiPorts, by: Exporter, uid: string): Promise<LeafRange[]> {
  const { tenant } = by
  // A host may claim findings, under any name; they are not alerts.
  const row = await ports.indexDb
    .selectFrom('entries')
    .innerJoin('own_entries', (own) =>
      own.onRef('own_entries.tenant', '=', 'entries.tenant').onRef('own_entries.leaf_index', '=', 'entries.leaf_index'),
    )
    .select('entries.leaf_index')
    .where('entries.tenant', '=', tenant)
    .where('entries.event_uid', '=', uid)
    .where('entries.class_uid', '=', findingClass)
    .executeTakeFirst()
  if (row === undefined) throw apiError('API_NOT_FOUND', { attempted: 'exporting an alert', received: uid })
  const own = { from: row.leaf_index, to: row.leaf_index + 1 }
  const { event = {} } = (await entryAt(ports, by, row.leaf_index)) ?? {}
  const leaves = leavesOf(event, ports.ledgers.get(tenant).size)
  return [own, ...(await Promise.all(leaves.map((leaf) => batchAround(ports, tenant, leaf))))]
}

/** The leaves of the batch that holds `leaf`: after the chain's head before it, up to the head that signs it. */
async function batchAround(ports: ApiPorts, tenant: string, leaf: number): Promise<LeafRange> {
  const { chain, seq } = await lineAt(ports, tenant, leaf)
  const rows = ports.indexDb
    .selectFrom('batches')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('chain', '=', chain)
    .limit(1)
  const own = await rows.where('last_seq', '>=', seq).orderBy('last_seq').executeTakeFirst()
  // A line of the ledger's own chain has no head: the checkpoint signs it.
  if (own === undefined) return { from: leaf, to: leaf + 1 }
  const before = await rows.where('last_seq', '<', seq).orderBy('last_seq', 'desc').executeTakeFirst()
  const firstSeq = (before?.last_seq ?? -1) + 1
  return { from: own.leaf_index - (own.last_seq - firstSeq), to: own.leaf_index + 1 }
}

/** With the records of the keys that signed the heads within. */
async function withKeys(ports: ApiPorts, tenant: string, ranges: readonly LeafRange[]): Promise<LeafRange[]> {
  const ofKind = async (kind: string, from: number, before: number) => {
    const query = leavesOfKinds(ports.indexDb, { tenant, kinds: [kind], from, before, order: 'asc' })
    return (await query.execute()).map(({ leaf_index }) => leaf_index)
  }
  const attempted = 'reading a head of the ledger'
  const needed = new Set<string>()
  const whole = await wholeFills(ranges, (leaf) => fillAt(ports, tenant, leaf))
  for (const { from, to } of whole) {
    for (const leaf of await ofKind('head', from, to)) {
      const line = await lineAt(ports, tenant, leaf)
      if ('head' in line) needed.add(headKeyId(parseNote(line.head.note, attempted), attempted))
    }
  }
  const keys: LeafRange[] = []
  const end = Math.max(...whole.map(({ to }) => to))
  for (const leaf of await ofKind('key', 0, end)) {
    const line = await lineAt(ports, tenant, leaf)
    if ('key' in line && needed.has(line.key.key_id)) keys.push({ from: leaf, to: leaf + 1 })
  }
  return [...whole, ...keys]
}

/** A replay and the lines behind it. */
async function fillAt({ indexDb }: ApiPorts, tenant: string, leaf: number): Promise<LeafRange | undefined> {
  const row = await indexDb
    .selectFrom('fills')
    .select(['leaf_index', 'next_leaf'])
    .where('tenant', '=', tenant)
    .where('leaf_index', '<=', leaf)
    .orderBy('leaf_index', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined && leaf < row.next_leaf ? { from: row.leaf_index, to: row.next_leaf } : undefined
}

async function lineAt({ ledgers }: ApiPorts, tenant: string, leaf: number) {
  const [found] = await ledgers.get(tenant).readChecked(leaf, 1)
  if (found === undefined) throw new RangeError(`leaf ${leaf} is in the index and not in the ledger of ${tenant}`)
  return parseLine(sha256, found.line, `reading leaf ${leaf}`).line
}

async function firstLeafSince({ indexDb }: ApiPorts, tenant: string, sinceMs: number): Promise<number | undefined> {
  const all = { from: 0, before: Number.MAX_SAFE_INTEGER, untilMs: undefined, classUids: [], order: 'asc' } as const
  const row = await leavesBySpan(indexDb, { tenant, sinceMs, ...all })
    .limit(1)
    .executeTakeFirst()
  return row?.leaf_index
}

// SPDX-License-Identifier: Apache-2.0

import { headKeyId, type LeafRange, mergeRanges, parseLine, sha256, writeBundle } from '@sealwatch/ledger'
import { leavesBySpan, leavesOfKind } from '../ingest/index.ts'
import { entryAt, leavesOf } from './entries.ts'
import { apiError } from './errors.ts'
import type { ApiPorts } from './ports.ts'

export type ExportWhat =
  | { readonly alert: string }
  | { readonly sinceMs: number }
  | { readonly leaf: number }
  | { readonly all: true }

export type ExportPiece = { readonly bytes: Uint8Array; readonly linesDone: number; readonly linesTotal: number }

const findingClass = 2004

/** A bundle in pieces. It covers what was durable when it was asked for, sealed by tenant and root checkpoint. */
export async function* exportBundle(
  ports: ApiPorts,
  tenant: string,
  what: ExportWhat,
  reveal: boolean,
  signal: AbortSignal,
): AsyncGenerator<ExportPiece> {
  const ledger = ports.ledgers.get(tenant)
  const size = ledger.size
  await ports.index.waitFor(tenant, size, signal)
  const ranges = await rangesOf(ports, tenant, what)
  const sealed = await ports.ledgers.sealed(tenant, size)
  // What came in meanwhile is under the checkpoint, too.
  await ports.index.waitFor(tenant, sealed.checkpoint.size, signal)
  const linesTotal = mergeRanges([{ from: 0, to: 1 }, ...ranges], sealed.checkpoint.size).reduce(
    (sum, { from, to }) => sum + to - from,
    0,
  )
  const revealed = async (index: number) => (await entryAt(ports, tenant, index)).side || undefined
  const request = {
    ledger,
    sealed,
    vkeys: [ports.ledgers.vkey],
    ranges,
    ...(reveal ? { reveal: revealed } : {}),
  }
  let linesDone = 0
  for await (const { bytes, lines } of writeBundle(request)) {
    if (signal.aborted) throw apiError('API_STOPPING', { attempted: `exporting line ${linesDone} of ${linesTotal}` })
    linesDone += lines
    yield { bytes, linesDone, linesTotal }
  }
}

/** Ranges end with the checkpoint at the latest. */
async function rangesOf(ports: ApiPorts, tenant: string, what: ExportWhat): Promise<LeafRange[]> {
  if ('all' in what) return [{ from: 0, to: Number.MAX_SAFE_INTEGER }]
  if ('leaf' in what) return await withKeys(ports, tenant, [await batchAround(ports, tenant, what.leaf)])
  if ('sinceMs' in what) {
    const first = await firstLeafSince(ports, tenant, what.sinceMs)
    if (first === undefined)
      throw apiError('API_NOT_FOUND', {
        attempted: 'exporting',
        received: `no event since ${new Date(what.sinceMs).toISOString()}`,
      })
    const { from } = await batchAround(ports, tenant, first)
    return await withKeys(ports, tenant, [{ from, to: Number.MAX_SAFE_INTEGER }])
  }
  return await withKeys(ports, tenant, await rangesOfAlert(ports, tenant, what.alert))
}

/** The finding, and the whole batches of what it rests on. */
async function rangesOfAlert(ports: ApiPorts, tenant: string, uid: string): Promise<LeafRange[]> {
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
  const evidence = await Promise.all(
    (await evidenceLeaves(ports, tenant, row.leaf_index)).map((leaf) => batchAround(ports, tenant, leaf)),
  )
  return [own, ...evidence]
}

async function evidenceLeaves(ports: ApiPorts, tenant: string, leafIndex: number): Promise<number[]> {
  const { line } = await entryAt(ports, tenant, leafIndex)
  const parsed = parseLine(sha256, line, 'reading a finding').line
  return 'event' in parsed ? leavesOf(parsed.event, ports.ledgers.get(tenant).size) : []
}

/** The leaves of the batch that holds `leaf`: after the chain's head before it, up to the head that signs it. */
async function batchAround(ports: ApiPorts, tenant: string, leaf: number): Promise<LeafRange> {
  const { chain, seq } = await lineAt(ports, tenant, leaf)
  const rows = ports.indexDb.selectFrom('batches').selectAll().where('chain', '=', chain).limit(1)
  const own = await rows.where('last_seq', '>=', seq).orderBy('last_seq').executeTakeFirst()
  // A line of the ledger's own chain has no head: the checkpoint signs it.
  if (own === undefined) return { from: leaf, to: leaf + 1 }
  const before = await rows.where('last_seq', '<', seq).orderBy('last_seq', 'desc').executeTakeFirst()
  const firstSeq = (before?.last_seq ?? -1) + 1
  return { from: own.leaf_index - (own.last_seq - firstSeq), to: own.leaf_index + 1 }
}

/** With the records of the keys that signed the heads within. */
async function withKeys(ports: ApiPorts, tenant: string, ranges: readonly LeafRange[]): Promise<LeafRange[]> {
  const needed = new Set<string>()
  for (const { from, to } of ranges) {
    const heads = await leavesOfKind(ports.indexDb, tenant, 'head', from, to).execute()
    for (const { leaf_index: leaf } of heads) {
      const line = await lineAt(ports, tenant, leaf)
      if ('head' in line) needed.add(headKeyId(line.head.note, 'reading a head of the ledger'))
    }
  }
  const keys: LeafRange[] = []
  const end = Math.max(...ranges.map(({ to }) => to))
  for (const { leaf_index: leaf } of await leavesOfKind(ports.indexDb, tenant, 'key', 0, end).execute()) {
    const line = await lineAt(ports, tenant, leaf)
    if ('key' in line && needed.has(line.key.key_id)) keys.push({ from: leaf, to: leaf + 1 })
  }
  return [...ranges, ...keys]
}

async function lineAt({ ledgers }: ApiPorts, tenant: string, leaf: number) {
  const [found] = await ledgers.get(tenant).readChecked(leaf, 1)
  if (found === undefined) throw new RangeError(`leaf ${leaf} is in the index and not in the ledger of ${tenant}`)
  return parseLine(sha256, found.line, `reading leaf ${leaf}`).line
}

async function firstLeafSince({ indexDb }: ApiPorts, tenant: string, sinceMs: number): Promise<number | undefined> {
  const all = { from: 0, before: Number.MAX_SAFE_INTEGER, untilMs: undefined, classUids: [] }
  const row = await leavesBySpan(indexDb, { tenant, sinceMs, ...all })
    .limit(1)
    .executeTakeFirst()
  return row?.leaf_index
}

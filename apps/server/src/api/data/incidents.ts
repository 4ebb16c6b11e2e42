// SPDX-License-Identifier: Apache-2.0

import type { ApiPorts } from '../ports.ts'
import { type Reader, readEntries } from './entries.ts'
import type { Entry } from './entry.ts'
import { type IncidentSummary, incidentLimits, incidentSummary } from './incident.ts'

export type IncidentLines = {
  /** Of the host that opened it, oldest first. */
  readonly entries: readonly Entry[]
  /** How many in the middle were not read. */
  readonly leftOut: number
}

/** What was told of an incident in the tenant's ledger; undefined: nothing. What was durable when it was asked for is in it. */
export async function incidentLines(
  ports: ApiPorts,
  by: Reader,
  incident: string,
  signal: AbortSignal,
): Promise<IncidentLines | undefined> {
  await ready(ports, by, signal)
  const [oldest, newest] = [await leavesOf(ports, by, incident, 'asc'), await leavesOf(ports, by, incident, 'desc')]
  if (oldest.length === 0) return undefined
  const { count } = await entriesOf(ports, by, incident)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  const leaves = [...new Set([...oldest, ...newest])].sort((one, other) => one - other)
  return { entries: await ofItsHost(ports, by, leaves), leftOut: count - leaves.length }
}

/** Those of a tenant, newest first; `from`: where the page before ended. */
export async function pageOfIncidents(
  ports: ApiPorts,
  by: Reader,
  { from, limit }: { readonly from: number | undefined; readonly limit: number },
  signal: AbortSignal,
): Promise<{ readonly items: readonly IncidentSummary[]; readonly next: number | undefined }> {
  await ready(ports, by, signal)
  const rows = await ports.indexDb
    .selectFrom('incidents')
    .select(['incident', 'first_leaf'])
    .where('tenant', '=', by.tenant)
    .$if(from !== undefined, (all) => all.where('first_leaf', '<', from ?? 0))
    .orderBy('first_leaf', 'desc')
    .limit(limit)
    .execute()
  const items: IncidentSummary[] = []
  for (const { incident, first_leaf } of rows) {
    if (signal.aborted) break
    const summary = await summaryOf(ports, by, incident, first_leaf)
    if (summary !== undefined) items.push(summary)
  }
  return { items, next: rows.length < limit ? undefined : rows.at(-1)?.first_leaf }
}

/** What is counted in each line need be read in the newest alone. */
async function summaryOf(ports: ApiPorts, by: Reader, incident: string, first: number) {
  const told = entriesOf(ports, by, incident).select('leaf_index').orderBy('leaf_index', 'desc')
  const [newest, graver, responses] = await Promise.all([
    told.where('code', '<>', 'response').limit(1).execute(),
    told.where('code', '=', 'incident_closed').limit(1).execute(),
    told.where('code', '=', 'response').limit(incidentLimits.responsesMax).execute(),
  ])
  const leaves = [first, ...[...newest, ...graver, ...responses].map(({ leaf_index }) => leaf_index)]
  const entries = await ofItsHost(
    ports,
    by,
    [...new Set(leaves)].sort((one, other) => one - other),
  )
  return incidentSummary(entries, ports.clock.nowMs())
}

const ready = (ports: ApiPorts, { tenant }: Reader, signal: AbortSignal) =>
  ports.index.waitFor(tenant, ports.ledgers.get(tenant).size, signal)

const entriesOf = ({ indexDb }: ApiPorts, { tenant }: Reader, incident: string) =>
  indexDb.selectFrom('incident_entries').where('tenant', '=', tenant).where('incident', '=', incident)

async function leavesOf(ports: ApiPorts, by: Reader, incident: string, order: 'asc' | 'desc'): Promise<number[]> {
  const rows = await entriesOf(ports, by, incident)
    .select('leaf_index')
    .orderBy('leaf_index', order)
    .limit(incidentLimits.linesOfEnd)
    .execute()
  return rows.map(({ leaf_index }) => leaf_index)
}

/** Whoever opened it tells it: another host that names it adds nothing. */
async function ofItsHost(ports: ApiPorts, by: Reader, leaves: readonly number[]): Promise<Entry[]> {
  const entries = await readEntries(ports, ports.ledgers.get(by.tenant), leaves)
  const first = entries[0]
  return entries.filter(({ host, json }) =>
    host === undefined || first?.host === undefined ? json.chain === first?.json.chain : host.id === first.host.id,
  )
}

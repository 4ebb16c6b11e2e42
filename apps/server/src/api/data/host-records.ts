// SPDX-License-Identifier: Apache-2.0
// What a host told of itself. It may seal anything: a record of another form is left out.

import { eventClasses } from '@sealwatch/contract'
import type { Authorised } from '../../access/index.ts'
import { leavesBySpan } from '../../ingest/index.ts'
import type { ApiPorts } from '../ports.ts'
import { readEntries } from './entries.ts'
import { isObject, type LineJson } from './entry.ts'
import { chainOf, type HostRow } from './hosts.ts'
import { lineOf, linesBack } from './sensor-state.ts'

export type HostRecord = {
  readonly time: string
  readonly code: string
  readonly severity: string
  readonly message: string
  readonly ledger: { readonly tenant: string; readonly leaf_index: number }
}

const recordsMax = 50
/** Lines that are read for those of a host among those of all. */
const lossLinesMax = 256
const lifecycleCodes = [
  'agent_started',
  'agent_stopped',
  'posture',
  'sensor_attached',
  'sensor_lost',
  'config_applied',
  'config_refused',
  'config_rolled_back',
]
const lossCodes = ['gap', 'drop', 'shed']

/** The newest records of a host, newest first: of its lives from the ledger of the cluster, of its losses from its tenant's. */
export async function hostRecords(
  ports: ApiPorts,
  { tenant }: Authorised<'host:list'>,
  { host_id }: HostRow,
): Promise<HostRecord[]> {
  const found = [...(await lives(ports, host_id)), ...(await losses(ports, tenant, host_id))]
  return found.sort((one, other) => other.time.localeCompare(one.time)).slice(0, recordsMax)
}

async function lives(ports: ApiPorts, hostId: string): Promise<HostRecord[]> {
  const chain = await chainOf(ports, 'cluster', hostId)
  if (chain === undefined) return []
  const found: HostRecord[] = []
  for await (const leaf of linesBack(ports, ports.ledgers.get('cluster'), chain)) {
    const record = recordOf(lineOf(leaf), { tenant: 'cluster', leaf_index: leaf.index }, lifecycleCodes)
    if (record !== undefined) found.push(record)
    if (found.length === recordsMax) break
  }
  return found
}

async function losses(ports: ApiPorts, tenant: string, hostId: string): Promise<HostRecord[]> {
  const ledger = ports.ledgers.get(tenant)
  const query = {
    ...{ tenant, from: 0, before: ledger.size, sinceMs: undefined, untilMs: undefined },
    ...{ classUids: [eventClasses.log.uid], order: 'desc' as const },
  }
  const rows = await leavesBySpan(ports.indexDb, query).limit(lossLinesMax).execute()
  const entries = await readEntries(
    ports,
    ledger,
    rows.map(({ leaf_index }) => leaf_index),
  )
  return entries.flatMap(({ own, host, json, leaf }) => {
    const isOf = !own && host?.id === hostId
    const record = isOf ? recordOf(json, { tenant, leaf_index: leaf }, lossCodes) : undefined
    return record === undefined ? [] : [record]
  })
}

function recordOf(
  { time, event }: LineJson,
  ledger: HostRecord['ledger'],
  codes: readonly string[],
): HostRecord | undefined {
  if (!isObject(event) || !isObject(event.metadata)) return undefined
  const { severity, message } = event
  const code = event.metadata.event_code
  if (typeof code !== 'string' || !codes.includes(code)) return undefined
  if (typeof severity !== 'string' || typeof message !== 'string') return undefined
  return { time, code, severity, message, ledger }
}

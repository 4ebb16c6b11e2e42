// SPDX-License-Identifier: Apache-2.0
// When nobody knows for certain what happened on a host: its agent seals that, once it is back (docs/formats/event.md,
// 7.2). A host may seal anything: an interval of another form is left out.

import { parseRfc3339 } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'
import type { Authorised } from '../../access/index.ts'
import { leavesBySpan } from '../../ingest/index.ts'
import type { ApiPorts } from '../ports.ts'
import { readEntries } from './entries.ts'
import { type Entry, isObject } from './entry.ts'

export type UnknownIntervals = {
  readonly intervals: number
  readonly lengthMs: number
  readonly newest: Interval | undefined
}
export type Interval = {
  readonly fromMs: number
  readonly toMs: number
  readonly cause: string
  readonly leaf: number
}

export type IntervalsByHost = {
  /** From when on all of them are told. */
  readonly sinceMs: number
  of(hostId: string): UnknownIntervals
}

const daysTold = 7
const dayMs = 86_400_000
/** Few lines are of their class; where they are more, those that are newer are told, and since when. */
const linesMax = 256
const none: UnknownIntervals = { intervals: 0, lengthMs: 0, newest: undefined }

/** What the hosts of a tenant told of the last seven days. */
export async function unknownIntervals(ports: ApiPorts, { tenant }: Authorised<'host:list'>): Promise<IntervalsByHost> {
  const ledger = ports.ledgers.get(tenant)
  const sinceMs = ports.clock.nowMs() - daysTold * dayMs
  const query = {
    ...{ tenant, from: 0, before: ledger.size, sinceMs, untilMs: undefined },
    ...{ classUids: [eventClasses.log.uid], order: 'desc' as const },
  }
  const rows = await leavesBySpan(ports.indexDb, query).limit(linesMax).execute()
  const leaves = rows.map(({ leaf_index }) => leaf_index)
  const entries = await readEntries(ports, ledger, leaves)
  const told = new Map<string, UnknownIntervals>()
  for (const entry of entries) {
    const interval = entry.own ? undefined : intervalOf(entry)
    if (interval === undefined || entry.host === undefined) continue
    const { intervals, lengthMs, newest = interval } = told.get(entry.host.id) ?? none
    const length = Math.max(0, interval.toMs - Math.max(interval.fromMs, sinceMs))
    told.set(entry.host.id, { intervals: intervals + 1, lengthMs: lengthMs + length, newest })
  }
  const oldest = entries.at(-1)
  return {
    sinceMs: leaves.length === linesMax && oldest !== undefined ? oldest.timeMs : sinceMs,
    of: (hostId) => told.get(hostId) ?? none,
  }
}

function intervalOf({ leaf, event }: Entry): Interval | undefined {
  const metadata = isObject(event?.metadata) ? event.metadata : {}
  const { gap } = isObject(event?.unmapped) ? event.unmapped : {}
  if (metadata.event_code !== 'gap' || !isObject(gap)) return undefined
  const [fromMs, toMs] = [gap.from, gap.to].map((at) => {
    const ns = typeof at === 'string' ? parseRfc3339(at) : undefined
    return ns === undefined ? undefined : Number(ns / 1_000_000n)
  })
  if (fromMs === undefined || toMs === undefined || toMs < fromMs || typeof gap.cause !== 'string') return undefined
  return { fromMs, toMs, cause: gap.cause.slice(0, 64), leaf }
}

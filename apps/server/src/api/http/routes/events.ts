// SPDX-License-Identifier: Apache-2.0

import type { Filter } from '@sealwatch/contract/filter'
import { z } from 'zod'
import type { Authorised } from '../../../access/index.ts'
import { type EntryQuery, entryAt, pageOfEntries, type Reader } from '../../data/entries.ts'
import { type Entry, isAct } from '../../data/entry.ts'
import { entryJson } from '../../data/entry-json.ts'
import { ancestryOf, reasonOf } from '../../data/event-detail.ts'
import { actsOnly, alertsOnly, listed, seenBy, within } from '../../data/filters.ts'
import { proofOf, provenSizes } from '../../data/proof.ts'
import { sideOf } from '../../data/sides.ts'
import type { ApiPorts } from '../../ports.ts'
import { ancestry, entriesQuery, entry, filterQuery, leafIndex, proof, reason } from '../entry-shapes.ts'
import { httpError } from '../problems.ts'
import { type RequestFacts, type Route, route } from '../route.ts'
import { pageOf } from '../shapes.ts'

type Query = {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly order: EntryQuery['order']
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly reveal: 'true' | 'false'
}

export function eventRoutes(ports: ApiPorts): Route[] {
  /** Whoever asks for personal values must be let see them, too. */
  const revealer = ({ principal, tenant, requestId }: Reader, reveal: Query['reveal']) =>
    reveal === 'true' ? ports.gate.authorise(principal, 'event:reveal', { tenant, requestId }) : undefined

  async function shown(by: Reader, found: Entry, reveal: Authorised<'event:reveal'> | undefined) {
    const { ledgers } = ports
    const side = reveal && (await sideOf(ports, reveal, found))
    return entryJson(ledgers.get(by.tenant), provenSizes(ledgers, by.tenant), found, side)
  }

  async function page(by: Reader, filter: Filter, query: Query, { signal }: RequestFacts) {
    const { limit, cursor, order, since, until, reveal } = query
    const may = revealer(by, reveal)
    const from = cursor === undefined ? undefined : Number(cursor)
    const wanted = { filter: within(filter, since, until), order, from, limit }
    const { entries, next } = await pageOfEntries(ports, by, wanted, signal)
    const items: Awaited<ReturnType<typeof shown>>[] = []
    const [first, last] = [entries[0], entries.at(-1)]
    if (may && first && last) await ports.recordReveal(may, `${entries.length} lines, ${first.leaf} to ${last.leaf}`)
    for (const found of entries) items.push(await shown(by, found, may))
    return { items, next: next === undefined ? null : String(next) }
  }

  return [
    route({
      method: 'GET',
      path: '/api/v1/alerts',
      id: 'listAlerts',
      summary: 'What rules and the server itself found',
      tag: 'events',
      action: 'alert:list',
      query: z.strictObject(entriesQuery),
      answer: pageOf(entry),
      handle: (by, { query, request }) => page(by, alertsOnly, query, request),
    }),
    route({
      method: 'GET',
      path: '/api/v1/events',
      id: 'listEvents',
      summary: 'Events, or whatever lines the filter asks for',
      tag: 'events',
      action: 'event:list',
      query: z.strictObject({ ...entriesQuery, filter: filterQuery.optional() }),
      answer: pageOf(entry),
      handle: (by, { query: { filter, ...query }, request }) =>
        page(by, seenBy(ports.gate, by, listed(filter)), query, request),
    }),
    route({
      method: 'GET',
      path: '/api/v1/audit',
      id: 'listActs',
      summary: 'What somebody did in the tenant, or was denied',
      tag: 'events',
      action: 'audit:list',
      query: z.strictObject(entriesQuery),
      answer: pageOf(entry),
      handle: (by, { query, request }) => page(by, actsOnly, query, request),
    }),
    route({
      method: 'GET',
      path: '/api/v1/events/{leaf}',
      id: 'getEvent',
      summary: 'A line with the reason it was found for, the processes it comes from, and its proof',
      tag: 'events',
      action: 'event:list',
      params: z.object({ leaf: leafIndex.describe('Its place in the ledger') }),
      query: z.strictObject({ reveal: entriesQuery.reveal }),
      answer: z.object({ ...entry.shape, reason: reason.nullable(), ancestry, inclusion: proof }),
      errors: ['OBJECT_UNKNOWN'],
      handle: async (by, { params, query }) => {
        const may = revealer(by, query.reveal)
        const found = await entryAt(ports, by, params.leaf)
        if (found === undefined)
          throw httpError('OBJECT_UNKNOWN', {
            attempted: 'reading a line',
            received: `leaf ${params.leaf}`,
            advice: 'List what there is: sealwatch events',
          })
        const { principal, tenant, requestId } = by
        if (isAct(found)) ports.gate.authorise(principal, 'audit:list', { tenant, requestId })
        if (may) await ports.recordReveal(may, `line ${found.leaf}`)
        return {
          ...(await shown(by, found, may)),
          reason: reasonOf(found) ?? null,
          ancestry: ancestryOf(found),
          inclusion: await proofOf(ports, by, found.leaf),
        }
      },
    }),
  ]
}

// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { entryFacts } from '../../data/entry-json.ts'
import { incidentDetail, incidentTimeline } from '../../data/incident.ts'
import { incidentLines, pageOfIncidents } from '../../data/incidents.ts'
import { objectIn, textIn } from '../../data/member.ts'
import { proofState, provenSizes } from '../../data/proof.ts'
import type { ApiPorts } from '../../ports.ts'
import * as shapes from '../incident-shapes.ts'
import { httpError } from '../problems.ts'
import { type Route, route } from '../route.ts'
import { pageOf } from '../shapes.ts'

const tag = 'incidents'
const pageMax = 100
const incident = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,64}$/)
  .describe('An incident')
const cursor = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,14})$/, 'expected the `next` of the page before')
  .optional()
  .describe('`next` of the page before')

export const incidentRoutes = (ports: ApiPorts): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/security/incidents',
    id: 'listIncidents',
    summary: 'What the guards of hosts made of attempts upon protected processes, newest first',
    tag,
    action: 'incident:read',
    query: z.strictObject({ limit: z.coerce.number().int().min(1).max(pageMax).default(50), cursor }),
    answer: pageOf(shapes.incidentSummary),
    handle: async (by, { query, request: { signal } }) => {
      const from = query.cursor === undefined ? undefined : Number(query.cursor)
      const { items, next } = await pageOfIncidents(ports, by, { from, limit: query.limit }, signal)
      return { items, next: next === undefined ? null : String(next) }
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/security/incidents/{incident}',
    id: 'getIncident',
    summary: 'An incident: who, what was reached, what was done about it, and the lines that prove it',
    tag,
    action: 'incident:read',
    params: z.object({ incident }),
    answer: z.object({
      incident: shapes.incidentDetail,
      timeline: shapes.incidentTimeline,
      evidence: shapes.incidentEvidence,
      lines_left_out: z.number().int().min(0).describe('Of its middle: more than a page holds'),
    }),
    errors: ['OBJECT_UNKNOWN'],
    handle: async (by, { params: { incident: id }, request: { signal } }) => {
      const found = await incidentLines(ports, by, id, signal)
      const detail = found && incidentDetail(found.entries, ports.clock.nowMs())
      if (found === undefined || detail === undefined)
        throw httpError('OBJECT_UNKNOWN', {
          attempted: 'reading an incident',
          received: id,
          advice: 'List what there is: sealwatch incident list',
        })
      const ledger = ports.ledgers.get(by.tenant)
      const sizes = provenSizes(ports.ledgers, by.tenant)
      const evidence = found.entries.map((entry) => {
        const { leaf_index, leaf_hash, time, mark } = entryFacts(ledger, entry)
        const code = textIn(objectIn(entry.event, 'metadata'), 'event_code') ?? ''
        return { leaf_index, leaf_hash, time, code, proof: proofState(sizes, leaf_index), mark }
      })
      return { incident: detail, timeline: incidentTimeline(found.entries), evidence, lines_left_out: found.leftOut }
    },
  }),
]

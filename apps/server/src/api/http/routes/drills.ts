// SPDX-License-Identifier: Apache-2.0

import type { DsseEnvelope } from '@sealwatch/keys'
import { drillNames } from '@sealwatch/ledger'
import { z } from 'zod'
import { type DrillRun, type Drills, drillLimits } from '../../../drills/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, time } from '../shapes.ts'

const tag = 'drills'
const drill = z.enum(drillNames).describe('docs/drills.md')
const params = z.object({ run: z.uuid() })
const envelope = z
  .object({
    payload: z.string(),
    payloadType: z.string(),
    signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
  })
  .describe('DSSE 1.0')
const envelopeJson = ({ signatures, ...rest }: DsseEnvelope) => ({
  ...rest,
  signatures: signatures.map((one) => ({ ...one })),
})

const run = z.object({
  run: z.uuid(),
  drill: z.string(),
  begun_at: time,
  begun_by: z.string(),
  held_until: time,
  ended_at: time.nullable(),
  outcome: z.enum(['passed', 'failed', 'abandoned']).nullable().describe('Null: it is not over'),
})
const runJson = ({ tenant: _tenant, report: _report, envelope: _envelope, ...row }: DrillRun) => row

const pid = z.number().int().min(2).max(4_194_304)
const processAt = z
  .strictObject({ pid, start_ns: z.string().regex(/^[1-9][0-9]{0,18}$/) })
  .describe('A process of the host: its number there, and when it began, CLOCK_BOOTTIME in nanoseconds')

export const drillRoutes = ({ drills }: { readonly drills: Drills }): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/drills',
    id: 'listDrills',
    summary: 'Drills that were run, newest first',
    tag,
    action: 'drill:read',
    answer: z.object({ items: z.array(run) }),
    handle: async (by) => ({ items: (await drills.list(by)).map(runJson) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/drills',
    id: 'beginDrill',
    summary: 'Begin a drill; one runs in a tenant at a time',
    tag,
    action: 'drill:run',
    body: z.strictObject({ drill }),
    answer: z.object({
      run: z.uuid(),
      held_until: time,
      abandoned: z.array(run).describe('Drills that nobody ended; they are over now'),
      ledger: recorded,
    }),
    status: 201,
    errors: ['DRILL_RUNNING', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { body }) => {
      const begun = await drills.begin(by, body.drill)
      return {
        run: begun.run,
        held_until: begun.heldUntil,
        abandoned: begun.abandoned.map(runJson),
        ledger: recordedJson(begun.recorded),
      }
    },
  }),
  route({
    method: 'GET',
    path: '/api/v1/drills/{run}',
    id: 'getDrill',
    summary: 'A drill, with its signed report as far as that is kept',
    tag,
    action: 'drill:read',
    params,
    answer: z.object({ run, report: z.string().nullable(), envelope: envelope.nullable() }),
    errors: ['DRILL_UNKNOWN'],
    handle: async (by, { params: { run: wanted } }) => {
      const row = await drills.get(by, wanted)
      const signed = row.envelope === null ? null : envelopeJson(JSON.parse(row.envelope) as DsseEnvelope)
      return { run: runJson(row), report: row.report, envelope: signed }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/drills/{run}/hold',
    id: 'holdDrill',
    summary: 'Say that a drill is still going on',
    tag,
    action: 'drill:run',
    params,
    answer: z.object({ held_until: time }),
    errors: ['DRILL_UNKNOWN'],
    handle: async (by, { params: { run: held } }) => ({ held_until: await drills.hold(by, held) }),
  }),
  route({
    method: 'POST',
    path: '/api/v1/drills/{run}/rehearsal',
    id: 'rehearseDrill',
    summary:
      'Have the guard of a host answer the attackers of a drill in earnest, for five minutes at most and upon its decoy alone',
    tag,
    action: 'host:configure',
    params,
    body: z.strictObject({
      host: z.string().regex(/^[0-9a-f]{32}$/),
      name: z
        .string()
        .regex(/^[a-z0-9._-]{1,64}$/)
        .describe('Under which the decoy registers itself'),
      decoy: processAt,
      runner: processAt.describe('What descends from it plays attackers'),
    }),
    answer: z.object({ until: time, ledger: recorded }),
    status: 201,
    errors: ['DRILL_UNKNOWN', 'REHEARSAL_REFUSED', 'HOST_UNKNOWN', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { params: { run: of }, body }) => {
      const { until, recorded: line } = await drills.rehearse(by, of, body)
      return { until, ledger: recordedJson(line) }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/drills/{run}/report',
    id: 'reportDrill',
    summary: 'End a drill with its report, which is kept, signed, and stands in the ledger by its digest',
    tag,
    action: 'drill:run',
    params,
    body: z.strictObject({
      outcome: z.enum(['passed', 'failed']),
      report: z.string().min(2).max(drillLimits.reportBytes).describe('docs/formats/drill-report.md, 2'),
    }),
    bodyMax: { bytes: 2 * drillLimits.reportBytes, values: 16 },
    answer: z.object({ envelope, statement_digest: z.string(), ledger: recorded }),
    errors: [
      'DRILL_UNKNOWN',
      'DRILL_MALFORMED',
      'DRILL_UNVERIFIED',
      'JSON_MALFORMED',
      'JSON_NOT_CANONICAL',
      'AUDIT_NOT_RECORDED',
    ],
    handle: async (by, { params: { run: ended }, body }) => {
      const told = await drills.report(by, ended, body)
      return {
        envelope: envelopeJson(told.envelope),
        statement_digest: told.statementDigest,
        ledger: recordedJson(told.recorded),
      }
    },
  }),
]

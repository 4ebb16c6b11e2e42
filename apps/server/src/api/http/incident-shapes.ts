// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { ancestry, proofStates } from './entry-shapes.ts'
import { time } from './shapes.ts'

const count = z.number().int().min(0)
const text = z.string().nullable()

const process = z.object({
  pid: count.nullable(),
  uid: text.describe('PID:START, which names it on its host'),
  name: text.describe('Whatever the process calls itself'),
  path: text,
})
const actor = process.extend({
  cmd_line: text,
  user: z.object({ uid: text, name: text }).nullable(),
  session: text.describe('The audit session: a log-in'),
  container: z.object({ uid: text, name: text, image: text }).nullable(),
  unit: text.describe('Of systemd'),
})
const response = z.object({
  time,
  step: z.string().describe('kill, evict, rotate'),
  state: z.string().describe('ordered, dry_run, spared, resting, queued, done, refused, failed'),
  suspect: process.nullable(),
  detail: text,
  since_act_ms: count.nullable().describe('From the act that it answers'),
  took_ms: count.nullable().describe('From the order'),
  leaf_index: count,
})

export const incidentSummary = z.object({
  incident: z.string(),
  state: z
    .enum(['open', 'closed', 'unheard'])
    .describe('unheard: nobody said that it is over, and its guard has told nothing for five minutes'),
  cause: text.describe('Why it is over: quiet, gone, room, stopping'),
  severity_id: count.describe('OCSF, of its gravest act'),
  name: z.string().describe('Of the protected entry; machine: of all'),
  way: z.string().describe('Of its gravest act (docs/formats/event.md, 7.8)'),
  technique: text.describe('MITRE ATT&CK'),
  message: text,
  opened: time,
  last: time.describe('Of its newest act'),
  acts: count,
  actors: count.describe('How many processes acted'),
  host: z.object({ id: z.string(), name: z.string() }).nullable(),
  actor: actor.nullable().describe('Who began it'),
  target: process.nullable(),
  agent_away: time.nullable().describe('Since when, within it, no agent took what the guard sealed; null: one did'),
  responses: z.array(response).describe('What became of each step, for each suspect'),
  first_leaf: count,
  last_leaf: count,
})

export const incidentDetail = incidentSummary.extend({
  reached: z.array(
    z.object({
      way: z.string(),
      count,
      bytes: count.nullable().describe('Null: the kernel says nothing of this way'),
      refused: count.describe('Of these the kernel refused so many'),
      first: time.nullable(),
      last: time.nullable(),
    }),
  ),
  readers: z.array(process).describe('To whom descriptors were handed on'),
  lineages: z.array(actor.extend({ ancestry })).describe('Who acted, each with those that it comes from'),
  more_acts: count.describe('Acts that no moment of the timeline tells'),
})

export const incidentTimeline = z
  .array(
    z.object({
      time,
      kind: z.enum(['opened', 'graver', 'act', 'response', 'agent_away', 'closed']),
      text: z.string(),
      severity_id: count.nullable(),
      way: text,
      by: text.describe('PID:START of who acted, or of the suspect'),
      times: count,
      bytes: count.nullable(),
      error: text.describe('Why the kernel refused it'),
      step: text,
      state: text,
      since_act_ms: count.nullable(),
      took_ms: count.nullable(),
      leaf_index: count.describe('The line that says so'),
    }),
  )
  .describe('Oldest first, by the clock of the host')

export const incidentEvidence = z
  .array(
    z.object({
      leaf_index: count.describe('With its proof: GET /api/v1/events/{leaf}'),
      leaf_hash: z.string(),
      time,
      code: z.string(),
      proof: proofStates,
      mark: text.describe('Why it failed verification though it is here; null: it did not'),
    }),
  )
  .describe('The lines that all this is read from')

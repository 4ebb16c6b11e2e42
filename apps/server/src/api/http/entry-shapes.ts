// SPDX-License-Identifier: Apache-2.0
// What of a ledger goes out, and how it is asked for.

import { filterLimits, filterProblemText, parseFilter, parseTime } from '@sealwatch/contract/filter'
import { z } from 'zod'
import { pageQuery, time } from './shapes.ts'

const count = z.number().int().min(0)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const path = z.array(hash).describe('RFC 9162 2.1.3: hashes from the leaf upwards')
const hostName = z.object({ id: z.string(), name: z.string() })

/** Percent-encoded in a URL (docs/formats/filter.md). */
export const filterQuery = z
  .string()
  .max(filterLimits.bytesMax)
  .transform((text, context) => {
    const parsed = parseFilter(text)
    if ('filter' in parsed) return parsed.filter
    context.addIssue({ code: 'custom', message: filterProblemText(parsed.problem) })
    return z.NEVER
  })
  .describe('Which lines: docs/formats/filter.md, as `severity>=high and class=process`')

export const timeQuery = z
  .string()
  .max(40)
  .transform((text, context) => {
    const ms = parseTime(text)
    if (ms !== undefined) return ms
    context.addIssue({ code: 'custom', message: 'expected a time as 2026-01-31T12:00:00Z' })
    return z.NEVER
  })

export const leafIndex = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

export const entriesQuery = {
  ...pageQuery,
  // A place in the ledger.
  cursor: z
    .string()
    .regex(/^(?:0|[1-9]\d{0,14})$/, 'expected the `next` of the page before')
    .optional()
    .describe('`next` of the page before'),
  order: z.enum(['newest', 'oldest']).default('newest').describe('Which end of the ledger comes first'),
  since: timeQuery.optional().describe('Lines of this time and later: RFC 3339'),
  until: timeQuery.optional().describe('Lines before this time: RFC 3339'),
  reveal: z.enum(['true', 'false']).default('false').describe('With personal values, for whoever may `event:reveal`'),
}

const personal = z
  .record(z.string(), z.object({ salt: z.string(), value: z.string() }))
  .describe('By JSON pointer into the line: what its commitments commit to')

const line = z
  .looseObject({
    chain: z.string(),
    seq: count,
    time,
    event: z.record(z.string(), z.unknown()).optional(),
  })
  .describe('As sealed (docs/formats/line.md): its canonical form (RFC 8785) is what was hashed')

const entryFacts = {
  leaf_index: count,
  leaf_hash: hash,
  time,
  kind: z.string(),
  source: z.enum(['host', 'server']).describe('Who sealed it'),
  host: hostName.nullable().describe('That sealed it; of a finding, that it is about'),
  class_uid: count.nullable(),
  activity_id: count.nullable(),
  severity_id: count.nullable(),
  mark: z
    .string()
    .nullable()
    .describe(
      'Why it failed verification though it is here, or what it rests on did: unknown_key, …; null: it did not',
    ),
}

export const proofStates = z
  .enum(['durable', 'signed', 'published'])
  .describe('On stable storage; under a checkpoint of the tenant; under the published root checkpoint')

export const entry = z.object({ ...entryFacts, proof: proofStates, line, personal: personal.optional() })

export const rootCheckpoint = z.object({
  size: count,
  note: z.string().describe('Signed by node key, log key and witnesses (docs/formats/checkpoint.md)'),
  published_at: time,
  quorum: z.enum(['met', 'below', 'none']),
  witnesses: z.array(z.string()).describe('That cosigned it'),
  countersigned: z.object({ at: time, key_ids: z.array(z.string()) }).describe("By the deployment's signer"),
})

export const proof = z.object({
  leaf_hash: hash,
  state: proofStates,
  checkpoint: z
    .object({ size: count, root: hash, note: z.string(), path })
    .nullable()
    .describe("The tenant's newest checkpoint that covers the line, and the way to its root"),
  published: z
    .object({
      size: count,
      root: hash,
      path,
      head: z.object({ leaf_index: count, line: z.string(), path }),
      root_checkpoint: rootCheckpoint,
    })
    .nullable()
    .describe(
      "The tenant's tree as the root ledger has it, and all that leads from the line to the published checkpoint",
    ),
})

export const reason = z.object({
  rule_id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  version: z.string().nullable(),
  reference: z.string().nullable(),
  techniques: z.array(z.object({ id: z.string(), name: z.string().nullable() })).describe('MITRE ATT&CK'),
  false_positives: z.array(z.string()),
  matched: z
    .array(
      z.object({
        selection: z.string(),
        field: z.string(),
        attribute: z.string(),
        value: z.union([z.string(), z.number(), z.boolean(), z.null()]),
      }),
    )
    .describe('Which field of which selection; of a personal value, its commitment'),
  evidence: z.array(z.object({ leaf_index: count, leaf_hash: hash.nullable() })).describe('The lines that it rests on'),
})

export const ancestry = z
  .array(
    z.object({
      pid: count.nullable(),
      uid: z.string().nullable(),
      name: z.string().nullable().describe('Whatever the process calls itself'),
      path: z.string().nullable(),
      cmd_line: z.string().nullable(),
      user_uid: z.string().nullable(),
      started_at: time.nullable(),
    }),
  )
  .describe('The process that acted, then its parent, and so on')

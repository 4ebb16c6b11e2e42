// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { slugName } from '@sealwatch/contract'
import { type PolicyDocument, policyLimits, policyTypes } from '@sealwatch/contract/policy'
import { z } from 'zod'
import type { Authorised } from '../../../access/index.ts'
import { type HostConfigs, type PolicyReach, policyReaches } from '../../../fleet/index.ts'
import {
  type DryRunReport,
  type DryRuns,
  dryRunDaysMax,
  isOfHosts,
  type Policies,
  type PolicyRecord,
  type PolicySummary,
  policyError,
} from '../../../policies/index.ts'
import { Explained } from '../problems.ts'
import { Answer, type RequestFacts, type Route, route } from '../route.ts'
import { nameOf, pageMax, pageOf, pageQuery, recorded, recordedJson, time } from '../shapes.ts'

const path = '/api/v1/security/policies'
const tag = 'policies'
/** Of these no policy has the id: they are places of their own. */
const reserved = ['dry-run']
const policyId = nameOf(slugName).refine((id) => !reserved.includes(id), `another name than ${reserved.join(', ')}`)
const params = z.object({ id: policyId.describe('Id of the policy') })
const version = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const principal = z.string().describe('`kind:id`, as in the ledger')

const summary = z.object({
  id: z.string(),
  name: z.string(),
  type: z.enum(policyTypes),
  enabled: z.boolean(),
  rule_count: z.number().int(),
  version: z.number().int(),
  etag: z.string(),
  digest: hash,
  created_at: time,
  created_by: principal,
  updated_at: time,
  updated_by: principal,
})

const envelope = z.object({
  payloadType: z.string(),
  payload: z.string(),
  signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
})

/** Of what stands in the document, what all types have; the rest is as policy.schema.json says. */
const record = summary
  .omit({ rule_count: true })
  .extend({ rules: z.array(z.looseObject({ id: z.string() })), signature: envelope.describe('DSSE (policy.md, 5)') })
  .loose()
  .describe('A policy (docs/reference/policy.schema.json), with what the server adds; it may be written back as it is')

/** Text or value: of a text problems name line and column, and nothing of it was lost on the way. */
const policyInput = z
  .union([z.string(), z.looseObject({})])
  .describe('A policy as docs/reference/policy.schema.json says, or its text, of which problems name line and column')

/** As a text within JSON each quote and each line end takes a second byte. What is larger is told apart by the policy's own check. */
const bodyMax = { bytes: 2 * policyLimits.textBytesMax + 1024, values: 65_536 }

const problem = z.object({
  severity: z.enum(['error', 'warning']),
  code: z.string(),
  path: z.string().describe('JSON pointer into the policy'),
  rule: z.string(),
  value: z.string().optional(),
  suggestion: z.string(),
  line: z.number().int().optional(),
  column: z.number().int().optional(),
})
const validation = z.object({ ok: z.boolean(), problems: z.array(problem), omitted: z.number().int() })

/** Of the thread that looks at large ones. */
const checkErrors = ['POLICY_CHECKS_BUSY', 'POLICY_CHECK_TOO_LONG', 'POLICY_CHECK_FAILED'] as const

const differenceLines = z.array(z.object({ sign: z.enum(['+', '-', '~', '>']), text: z.string() }))

const summaryJson = ({ rules, createdAt, createdBy, updatedAt, updatedBy, ...same }: PolicySummary) => ({
  ...same,
  rule_count: rules,
  created_at: createdAt,
  created_by: createdBy,
  updated_at: updatedAt,
  updated_by: updatedBy,
})

function recordJson({ document, text: _text, createdAt, createdBy, updatedAt, updatedBy, ...same }: PolicyRecord) {
  const signature = { ...same.signature, signatures: [...same.signature.signatures] }
  return {
    ...(document as PolicyDocument & { rules: { id: string }[] }),
    ...same,
    created_at: createdAt,
    created_by: createdBy,
    updated_at: updatedAt,
    updated_by: updatedBy,
    signature,
  }
}

const conditionOf = ({ headers }: RequestFacts) => {
  const text = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return { ifMatch: text('if-match'), ifNoneMatch: text('if-none-match') }
}

/** A write that came too late is told what came in between. */
async function told<T>(
  policies: Policies,
  by: Authorised<'policy:write'>,
  id: string,
  condition: ReturnType<typeof conditionOf>,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isSealwatchError(error, 'POLICY_CHANGED_MEANWHILE')) throw error
    const { current, changes } = await policies.changedMeanwhile(by, id, condition)
    throw new Explained(error, { current: current === null ? null : summaryJson(current), changes })
  }
}

/** On how many hosts something is so of a policy. */
const reaches = z
  .object(
    Object.fromEntries(policyReaches.map((reach) => [reach, z.number().int()])) as Record<PolicyReach, z.ZodNumber>,
  )
  .describe('docs/formats/policy.md, 8.5')

export const policyRoutes = (
  policies: Policies,
  dryRuns: DryRuns,
  configs: Pick<HostConfigs, 'reachesOf'>,
): Route[] => [
  route({
    method: 'GET',
    path,
    id: 'listPolicies',
    summary: 'The security policies of the tenant',
    tag,
    action: 'policy:read',
    query: z.strictObject({ ...pageQuery, type: z.enum(policyTypes).optional() }),
    answer: pageOf(summary),
    handle: async (by, { query: { limit, cursor = '', type } }) => {
      const found = await policies.list(by, { after: cursor, limit: limit + 1, type })
      const items = found.slice(0, limit)
      return { items: items.map(summaryJson), next: found.length > limit ? (items.at(-1)?.id ?? null) : null }
    },
  }),
  route({
    method: 'POST',
    path: `${path}/dry-run`,
    id: 'dryRunPolicy',
    summary: 'What a policy would have done in the last days',
    tag,
    action: 'policy:try',
    body: z.strictObject({
      policy: policyInput.optional(),
      id: policyId.optional().describe('Of a policy there is, in the place of one that is sent'),
      days: z.number().int().min(1).max(dryRunDaysMax).default(7),
    }),
    bodyMax,
    answer: dryRunAnswer(),
    errors: ['POLICY_INVALID', 'POLICY_UNKNOWN', 'POLICIES_TOO_FAST', 'POLICY_TRIES_TOO_MANY', ...checkErrors],
    handle: async (by, { body: { policy, id, days }, request }) =>
      reportJson(await dryRuns.run(by, { policy: await wanted(policies, by, policy, id), days }, request.signal)),
  }),
  route({
    method: 'GET',
    path: `${path}/dry-run`,
    id: 'getDryRun',
    summary: 'How far the run is that somebody in the tenant waits for',
    tag,
    action: 'policy:try',
    answer: z.object({ running: z.object({ done: z.number().int(), total: z.number().int() }).nullable() }),
    handle: async (by) => ({ running: dryRuns.progress(by) ?? null }),
  }),
  route({
    method: 'GET',
    path: `${path}/{id}`,
    id: 'getPolicy',
    summary: 'A security policy; its ETag is for If-Match',
    tag,
    action: 'policy:read',
    params,
    answer: record,
    errors: ['POLICY_UNKNOWN'],
    handle: async (by, { params: { id } }) => {
      const found = await policies.get(by, id)
      return new Answer(recordJson(found), { headers: { etag: found.etag } })
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/{id}`,
    id: 'putPolicy',
    summary: 'Make or replace a security policy, with If-Match the version that was read',
    tag,
    action: 'policy:write',
    params,
    body: z.strictObject({ policy: policyInput }),
    bodyMax,
    answer: z.object({
      updated: z.boolean().describe('False: it is what was asked for already'),
      validation,
      version: z.number().int(),
      etag: z.string(),
      ledger: recorded.nullable(),
    }),
    errors: [
      'POLICY_INVALID',
      'POLICY_CHANGED_MEANWHILE',
      'POLICY_NAME_TAKEN',
      'POLICIES_TOO_MANY',
      'POLICIES_TOO_FAST',
      ...checkErrors,
    ],
    handle: async (by, { params: { id }, body: { policy }, request }) => {
      const condition = conditionOf(request)
      const put = await told(policies, by, id, condition, policies.put(by, id, policy, condition))
      const { updated, validation: found, record: made, leafIndex } = put
      if (made === undefined) throw invalid(`writing the policy ${id}`, { updated, validation: found })
      const ledger = updated ? recordedJson({ tenant: by.tenant, leafIndex }) : null
      const body = {
        updated,
        validation: { ...found, problems: [...found.problems] },
        version: made.version,
        etag: made.etag,
      }
      return new Answer({ ...body, ledger }, { headers: { etag: made.etag } })
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{id}`,
    id: 'deletePolicy',
    summary: 'Delete a security policy; its versions are kept',
    tag,
    action: 'policy:write',
    params,
    answer: z.object({ version: z.number().int(), ledger: recorded }),
    errors: ['POLICY_UNKNOWN', 'POLICY_CHANGED_MEANWHILE'],
    handle: async (by, { params: { id }, request }) => {
      const condition = conditionOf(request)
      const { version: gone, leafIndex } = await told(policies, by, id, condition, policies.remove(by, id, condition))
      return { version: gone, ledger: recordedJson({ tenant: by.tenant, leafIndex }) }
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{id}/hosts`,
    id: 'getPolicyReach',
    summary: 'On how many hosts the newest version of a policy is enforced, told alone, or not followed',
    tag,
    action: 'policy:read',
    params,
    answer: z.object({
      version: z.number().int(),
      hosts: reaches.nullable().describe('null: it is off, or of a type that no host follows'),
    }),
    errors: ['POLICY_UNKNOWN'],
    handle: async (by, { params: { id } }) => {
      const { version, document } = await policies.get(by, id)
      const isFollowed = document.enabled && isOfHosts(document.type)
      return { version, hosts: isFollowed ? { ...(await configs.reachesOf(by.tenant, id, version)) } : null }
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{id}/versions`,
    id: 'listPolicyVersions',
    summary: 'Versions of a policy, newest first: what changed it, when, and where the ledger says so',
    tag,
    action: 'policy:read',
    params,
    query: z.strictObject({ ...pageQuery, cursor: version.optional().describe('`next` of the page before') }),
    answer: z.object({
      items: z.array(
        z.object({
          version: z.number().int(),
          change: z.enum(['created', 'replaced', 'enabled', 'disabled', 'deleted']),
          changed_at: time,
          changed_by: principal,
          digest: hash.nullable(),
          statement_digest: hash,
          leaf_index: z.number().int().nullable(),
        }),
      ),
      next: z.string().nullable(),
    }),
    errors: ['POLICY_UNKNOWN'],
    handle: async (by, { params: { id }, query: { limit, cursor } }) => {
      const found = await policies.versions(by, id, { before: cursor, limit: Math.min(limit, pageMax) + 1 })
      const items = found.slice(0, limit).map((row) => ({
        version: row.version,
        change: row.change,
        changed_at: row.changedAt,
        changed_by: row.changedBy,
        digest: row.digest,
        statement_digest: row.statementDigest,
        leaf_index: row.leafIndex ?? null,
      }))
      return { items, next: found.length > limit ? String(items.at(-1)?.version) : null }
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{id}/diff`,
    id: 'diffPolicy',
    summary: 'What differs between two versions, as a patch (RFC 6902) and in words',
    tag,
    action: 'policy:read',
    params,
    query: z.strictObject({
      from: z.coerce.number().int().min(0).optional().describe('0: nothing; else the version before `to`'),
      to: version.optional().describe('Else the newest'),
    }),
    answer: z.object({
      from: z.number().int(),
      to: z.number().int(),
      patch: z.array(z.looseObject({ op: z.string(), path: z.string() })),
      text: differenceLines,
    }),
    errors: ['POLICY_UNKNOWN'],
    handle: async (by, { params: { id }, query }) => {
      const { from, to, patch, text } = await policies.difference(by, id, query)
      return { from, to, patch: [...patch], text: [...text] }
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{id}/signed`,
    id: 'getSignedPolicy',
    summary: 'A version as agents get it: the document in canonical form, and the envelope that signs it',
    tag,
    action: 'policy:read',
    params,
    query: z.strictObject({ version: version.optional().describe('Else the newest') }),
    answer: z.object({ document: z.string().nullable(), envelope }),
    errors: ['POLICY_UNKNOWN'],
    handle: async (by, { params: { id }, query }) => {
      const { document, envelope: signed } = await policies.signed(by, id, query.version)
      return { document, envelope: { ...signed, signatures: [...signed.signatures] } }
    },
  }),
]

const invalid = (attempted: string, members: Readonly<Record<string, unknown>>) =>
  new Explained(policyError('POLICY_INVALID', { attempted }), members)

/** The policy that is to be tried: one that is sent, or one that there is. */
async function wanted(
  policies: Policies,
  by: Authorised<'policy:try'>,
  input: unknown,
  id: string | undefined,
): Promise<PolicyDocument> {
  if (input === undefined && id !== undefined) return (await policies.get(by, id)).document
  const { policy, validation: found } = await policies.validate(by, input)
  if (policy === undefined) throw invalid('trying a policy', { validation: found })
  return policy
}

function dryRunAnswer() {
  const example = z.object({
    leaf_index: z.number().int(),
    time,
    host: z.string(),
    what: z.string(),
    why: z.array(z.string()),
  })
  const rule = z.object({
    rule: z.string().nullable().describe('Null: no rule matched, and the default decided'),
    fired: z.number().int(),
    held: z.number().int().describe('Held back by the cool-down'),
    undecided: z.number().int().describe('The event did not say what the rule turns on'),
    effects: z.record(z.string(), z.number().int()),
    examples: z.array(example).describe('The first few times that it fired'),
    unclear: z.array(example).describe('The first few that were undecided, with what was missing'),
  })
  return z.object({
    days: z.number().int(),
    from: time,
    to: time,
    events: z.number().int(),
    total: z.number().int(),
    stopped: z.enum(['time', 'cancelled']).nullable(),
    rules: z.array(rule),
    notices: z.array(z.string()),
  })
}

const reportJson = ({ rules, notices, ...same }: DryRunReport) => ({
  ...same,
  notices: [...notices],
  rules: rules.map(({ examples, unclear, effects, ...row }) => ({
    ...row,
    effects: { ...effects } as Record<string, number>,
    examples: examples.map(exampleJson),
    unclear: unclear.map(exampleJson),
  })),
})

const exampleJson = ({ leafIndex, why, ...example }: DryRunReport['rules'][number]['examples'][number]) => ({
  ...example,
  leaf_index: leafIndex,
  why: [...why],
})

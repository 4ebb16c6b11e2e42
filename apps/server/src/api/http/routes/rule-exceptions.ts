// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { type ExceptionRecord, type Exceptions, exceptionLimits, type Selection } from '../../../detect/index.ts'
import { type Route, route } from '../route.ts'
import { anyTime, recorded, recordedJson, time } from '../shapes.ts'

const path = '/api/v1/rule-exceptions'
const tag = 'rules'
const fields = z.record(z.string(), z.unknown())
const selection = z
  .union([fields, z.array(fields).min(1), z.null()])
  .describe('Fields and values as a selection of Sigma has them; a list: any of its items; null: whatever the event')
const params = z.object({
  exception_id: z.string().regex(/^exc_[0-9a-f]{20}$/, { error: 'exc_…, as the list shows it' }),
})

const exception = z.object({
  exception_id: z.string(),
  rule_id: z.string().nullable(),
  tag: z.string().nullable().describe('In the place of a rule: all that have it'),
  selection,
  reason: z.string(),
  owner: z.string().describe('`kind:id`, as in the ledger'),
  created_at: time,
  expires_at: time,
  state: z.enum(['standing', 'ending']),
  excepted: z.number().int().describe('Matches that made no alert for it, since `excepted_since`'),
  excepted_since: time.describe('When it was made, or the server started, whichever was later'),
})

const exceptionJson = ({
  tenant: _,
  selection: text,
  request: _request,
  ending_told: _told,
  exceptedSince: excepted_since,
  ...same
}: ExceptionRecord) => ({
  ...same,
  excepted_since,
  selection: JSON.parse(text) as Record<string, unknown> | null,
})

export const ruleExceptionRoutes = (exceptions: Exceptions): Route[] => [
  route({
    method: 'GET',
    path,
    id: 'listRuleExceptions',
    summary: 'Matches of rules of which no alert is made, and until when',
    tag,
    action: 'rule:read',
    answer: z.object({ items: z.array(exception) }),
    handle: async (by) => ({ items: (await exceptions.list(by, 'events')).map(exceptionJson) }),
  }),
  route({
    method: 'POST',
    path,
    id: 'addRuleException',
    summary: 'Have no alert made of some matches of a rule, until a moment',
    tag,
    action: 'rule:except',
    body: z.strictObject({
      rule_id: z.string().min(1).max(256).optional(),
      tag: z.string().min(1).max(128).optional().describe('In the place of a rule, as `attack.t1059`'),
      selection,
      reason: z.string().min(1).max(exceptionLimits.reasonCharsMax).describe('For the ledger; name nobody'),
      expires_at: anyTime.describe(`At most ${exceptionLimits.daysMax} days ahead`),
    }),
    bodyMax: { bytes: 4 * exceptionLimits.selectionUnitsMax, values: 1_024 },
    answer: z.object({ exception, ledger: recorded }),
    status: 201,
    errors: ['RULE_UNKNOWN', 'EXCEPTION_INVALID', 'EXCEPTIONS_TOO_MANY', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { body }) => {
      const { rule_id: ruleId, tag: of, selection: what, reason, expires_at: expiresAt } = body
      const made = await exceptions.add(by, { ruleId, tag: of, selection: what as Selection, reason, expiresAt })
      return { exception: exceptionJson(made.exception), ledger: recordedJson(made.recorded) }
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{exception_id}`,
    id: 'removeRuleException',
    summary: 'Have alerts made again of what an exception kept quiet',
    tag,
    action: 'rule:except',
    params,
    answer: z.object({ ledger: recorded }),
    errors: ['EXCEPTION_UNKNOWN'],
    handle: async (by, { params: { exception_id } }) => ({
      ledger: recordedJson(await exceptions.remove(by, exception_id, 'events')),
    }),
  }),
]

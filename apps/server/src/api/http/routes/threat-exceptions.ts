// SPDX-License-Identifier: Apache-2.0

import { detectorNames } from '@sealwatch/detect/verdict'
import { z } from 'zod'
import { type ExceptionRecord, type Exceptions, exceptionLimits, type RequestMatter } from '../../../detect/index.ts'
import { type Route, route } from '../route.ts'
import { anyTime, recorded, recordedJson, time } from '../shapes.ts'

const path = '/api/v1/security/threats/exceptions'
const tag = 'security'
const params = z.object({
  exception_id: z.string().regex(/^exc_[0-9a-f]{20}$/, { error: 'exc_…, as the list shows it' }),
})

const about = {
  detector: z.enum(detectorNames),
  id: z
    .string()
    .regex(/^[\w.-]{1,128}$/, { error: 'the id of a reason' })
    .nullable()
    .describe('As reasons have it: the number of a rule, the kind of a signal; null: all that the detector says'),
  method: z
    .string()
    .regex(/^[A-Z]{1,32}$/, { error: 'a method, as GET' })
    .nullable()
    .describe('null: any'),
  route: z
    .string()
    .min(1)
    .max(512)
    .describe("The service's name for what is called, else the path; * within a segment, ** for whole ones"),
  where: z
    .string()
    .min(1)
    .max(256)
    .nullable()
    .describe('The place in the request, as ARGS_GET:q; * for any characters; null: wherever'),
}
const exception = z.object({
  exception_id: z.string(),
  ...about,
  reason: z.string(),
  owner: z.string().describe('`kind:id`, as in the ledger'),
  created_at: time,
  expires_at: time,
  state: z.enum(['standing', 'ending']),
  excepted: z.number().int().describe('What did not count for it, since `excepted_since`'),
  excepted_since: time.describe('When it was made, or the server started, whichever was later'),
})

function exceptionJson({ exception_id, request, reason, owner, created_at, expires_at, ...rest }: ExceptionRecord) {
  const { state, excepted, exceptedSince: excepted_since } = rest
  const matter = JSON.parse(request ?? '{}') as RequestMatter
  return { exception_id, ...matter, reason, owner, created_at, expires_at, state, excepted, excepted_since }
}

export const threatExceptionRoutes = (exceptions: Exceptions): Route[] => [
  route({
    method: 'GET',
    path,
    id: 'listThreatExceptions',
    summary: 'What does not count against requests, where, and until when',
    tag,
    action: 'rule:read',
    answer: z.object({ items: z.array(exception) }),
    handle: async (by) => ({ items: (await exceptions.list(by, 'requests')).map(exceptionJson) }),
  }),
  route({
    method: 'POST',
    path,
    id: 'addThreatException',
    summary: 'Have what a rule or a detector says of a route not count, until a moment',
    tag,
    action: 'rule:except',
    body: z.strictObject({
      detector: about.detector,
      id: about.id.default(null),
      method: about.method.default(null),
      route: about.route,
      where: about.where.default(null),
      reason: z.string().min(1).max(exceptionLimits.reasonCharsMax).describe('For the ledger; name nobody'),
      expires_at: anyTime.describe(`At most ${exceptionLimits.daysMax} days ahead`),
    }),
    answer: z.object({ exception, ledger: recorded }),
    status: 201,
    errors: ['EXCEPTION_INVALID', 'EXCEPTIONS_TOO_MANY', 'AUDIT_NOT_RECORDED'],
    handle: async (by, { body: { reason, expires_at: expiresAt, ...request } }) => {
      const made = await exceptions.add(by, { request, reason, expiresAt })
      return { exception: exceptionJson(made.exception), ledger: recordedJson(made.recorded) }
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{exception_id}`,
    id: 'removeThreatException',
    summary: 'Have count again what an exception kept from it',
    tag,
    action: 'rule:except',
    params,
    answer: z.object({ ledger: recorded }),
    errors: ['EXCEPTION_UNKNOWN'],
    handle: async (by, { params: { exception_id } }) => ({
      ledger: recordedJson(await exceptions.remove(by, exception_id, 'requests')),
    }),
  }),
]

// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { Requests } from '../../../detect/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson } from '../shapes.ts'

/** A client of a service that is larger hands over the beginning of its body. */
const bodyMax = { bytes: 256 * 1024, values: 8_192 }

const context = z
  .strictObject({
    method: z.string(),
    url: z.string().describe('Path and query, still encoded'),
    version: z.string().optional().describe('Of HTTP; left out: 1.1'),
    headers: z.array(z.array(z.string()).length(2)).optional().describe('Name and value of each, in their order'),
    body: z.string().optional(),
    body_base64: z.string().optional().describe('In the place of body, for what is no text'),
    body_is_cut: z.boolean().optional().describe('That it is the beginning of a longer one'),
    address: z.string().describe('Of the client'),
    user: z.string().optional().describe("The service's own name for who asks"),
    route: z.string().optional().describe("The service's own name for what was called"),
  })
  .describe('A request as the service received it')

const action = z.enum(['allow', 'observe', 'challenge', 'block'])
const detectors = z.array(z.string())
const reason = z.object({
  detector: z.string(),
  what: z.string().describe('Rule, n-gram, feed or baseline'),
  id: z.string().optional().describe('What exceptions call it'),
  where: z.string().optional().describe('Parameter, header or part'),
  matched: z.string().optional().describe('What matched, redacted'),
  weight: z.number().describe('Natural logarithm by which it raises the odds'),
})
const threat = z.object({
  type: z.string(),
  severity: z.enum(['informational', 'low', 'medium', 'high', 'critical']),
  score: z.number().int().min(0).max(100).describe('Probability of an attack, in hundredths'),
  confidence: z.number().min(0).max(1),
  reasons: z.array(reason),
  signals: z.array(z.object({ kind: z.string(), where: z.string() })),
})

export const threatRoutes = (requests: Requests): Route[] => [
  route({
    method: 'POST',
    path: '/api/v1/security/threats/analyze',
    id: 'analyzeThreat',
    summary: 'Judge a request of a service; a threat is an alert in the ledger of the tenant',
    tag: 'security',
    action: 'threat:analyze',
    body: z.strictObject({
      request_context: context,
      outcome: z
        .strictObject({ status: z.number().int().min(100).max(599) })
        .optional()
        .describe('Of the answer, where there is one already: users whose requests begin to fail stand out'),
    }),
    bodyMax,
    answer: z.object({
      threat_detected: z.boolean(),
      threat: threat.optional(),
      action: action.describe('What to do now: observe is the most where the tenant does not block'),
      recommendation: action.optional().describe('What its score is worth'),
      excepted: z.array(reason.extend({ exception: z.string() })).describe('Did not count, and for which exception'),
      detectors: z.object({
        absent: detectors.describe('These did not judge'),
        cut: detectors.describe('These gave up at their limits'),
      }),
      ledger: recorded.nullable(),
      unwritten: z
        .enum(['many', 'failed'])
        .optional()
        .describe(
          'Why a threat has no line of its own: more than 10 a second, or no room on the disk; a later line counts it',
        ),
    }),
    errors: ['CONTEXT_SHAPE', 'CONTEXT_TOO_LARGE', 'REQUESTS_LIMITED'],
    begin: async ({ tenant }, { bytes }) => requests.enter(tenant, 'service', bytes),
    handle: async (by, { body: { request_context: given, outcome } }) => {
      const headers = given.headers?.map(([name = '', value = '']) => [name, value] as const)
      const { verdict, action: now, ...line } = await requests.analyze(by, { ...given, headers }, outcome)
      const { threat: isThreat, type, severity, score, confidence, reasons, signals } = verdict
      const told = { type: type ?? 'other', severity, score, confidence, reasons, signals }
      return {
        threat_detected: isThreat,
        ...(isThreat && { threat: told }),
        action: now,
        recommendation: verdict.recommended_action,
        excepted: verdict.excepted,
        detectors: verdict.detectors,
        ledger: line.recorded === undefined ? null : recordedJson(line.recorded),
        ...(line.unwritten !== undefined && { unwritten: line.unwritten }),
      }
    },
  }),
]

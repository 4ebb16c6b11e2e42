// SPDX-License-Identifier: Apache-2.0

import { detectorNames } from '@sealwatch/detect/verdict'
import { z } from 'zod'
import { type Calibrations, feedbackLimits, type RequestFeedback, scoreLimits } from '../../../detect/index.ts'
import { leafIndex } from '../entry-shapes.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson } from '../shapes.ts'

const tag = 'security'
const count = z.number().int().min(0)
const score = z.number().int().min(1).max(100)

const suggestion = z.object({
  detector: z.enum(detectorNames),
  id: z.string().nullable(),
  method: z.string().nullable(),
  route: z.string(),
  where: z.string().nullable(),
  false_alarms: count,
})

export const calibrationRoutes = ({
  calibrations,
  feedback,
}: {
  readonly calibrations: Calibrations
  readonly feedback: RequestFeedback
}): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/security/threats/calibration',
    id: 'getThreatCalibration',
    summary: 'Which scores the requests of a tenant had, and what weighed most in threats',
    tag,
    action: 'threat:read',
    atOnceMax: 1,
    query: z.strictObject({
      days: z.coerce
        .number()
        .int()
        .min(1)
        .max(scoreLimits.daysKept)
        .default(14)
        .describe('Over so many days (UTC), this one included'),
    }),
    answer: z.object({
      days: count.describe('Of those on which there were any requests'),
      scores: z
        .array(count)
        .describe('How many requests had each score, from 0 to 100, without those that somebody said were attacks'),
      reasons: z
        .array(
          z.object({
            detector: z.string(),
            id: z.string().describe('Empty where it has none'),
            threats: count,
            false_alarms: count.describe('Of those, as somebody said'),
          }),
        )
        .describe('What weighed most in how many threats, the most frequent first'),
      feedback: z.object({ false_alarms: count, right: count }).describe('What people said of threats'),
      suggestions: z
        .array(suggestion)
        .describe('Exceptions that would have kept repeated false alarms from being told'),
      mode: z.enum(['observe', 'block']),
      thresholds: z.object({ observe: score, challenge: score, block: score }),
    }),
    handle: async (by, { query: { days: over } }) => {
      const { days, scores, reasons, feedback: said, suggestions, mode, thresholds } = await calibrations.read(by, over)
      const told = <T extends { readonly falseAlarms: number }>({ falseAlarms, ...same }: T) => ({
        ...same,
        false_alarms: falseAlarms,
      })
      return {
        ...{ days, scores, mode, thresholds },
        reasons: reasons.map(told),
        feedback: told(said),
        suggestions: suggestions.map(told),
      }
    },
  }),
  route({
    method: 'POST',
    path: '/api/v1/security/threats/{leaf}/feedback',
    id: 'giveThreatFeedback',
    summary: 'Say whether a threat was one; calibration and suggested exceptions go by it',
    tag,
    action: 'threat:feedback',
    params: z.object({ leaf: leafIndex.describe('The line of its alert in the ledger') }),
    body: z.strictObject({
      verdict: z.enum(['false_alarm', 'right']),
      reason: z.string().max(feedbackLimits.reasonCharsMax).default('').describe('For the ledger; name nobody'),
    }),
    answer: z.object({ ledger: recorded }),
    errors: ['THREAT_UNKNOWN'],
    handle: async (by, { params: { leaf }, body: { verdict: word, reason } }) => ({
      ledger: recordedJson(await feedback.give(by, leaf, { word, reason })),
    }),
  }),
]

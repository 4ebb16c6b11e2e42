// SPDX-License-Identifier: Apache-2.0

import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { detectError } from '../errors.ts'
import { signalKinds } from '../request/signals.ts'
import { type DetectorName, detectorNames, type RecommendedAction, type ThreatType } from '../request/verdict/index.ts'
import { severities, threats } from '../request/verdict/threats.ts'
import { actions } from '../request/verdict/thresholds.ts'
import type { Opinion } from './options.ts'

const oneOf = <T extends string>(names: readonly T[]) => z.enum(names as [T, ...T[]])
const detectors = z.array(oneOf<DetectorName>(detectorNames))

const form = z.object({
  threat_detected: z.boolean(),
  threat: z
    .object({
      type: oneOf(Object.keys(threats) as ThreatType[]),
      severity: oneOf(severities),
      score: z.number(),
      confidence: z.number(),
      reasons: z.array(
        z.object({
          detector: oneOf<DetectorName>(detectorNames),
          what: z.string(),
          where: z.string().exactOptional(),
          matched: z.string().exactOptional(),
          weight: z.number(),
        }),
      ),
      signals: z.array(
        z.object({ kind: oneOf(Object.keys(signalKinds) as (keyof typeof signalKinds)[]), where: z.string() }),
      ),
    })
    .optional(),
  action: oneOf<RecommendedAction>(actions).optional(),
  recommendation: oneOf<RecommendedAction>(actions).optional(),
  detectors: z.object({ absent: detectors, cut: detectors }),
  ledger: z.object({}).nullable(),
})

/** Of one request: its form, its size, and that there are too many. */
const refusals: readonly number[] = [400, 413, 429]
const idForm = /^[\x21-\x7e]{1,64}$/

/** What the server says of a request. Throws JUDGE_REFUSED where it does not judge this one, JUDGE_AWAY for all else than an opinion. */
export function readAnswer({ statusCode, headers }: IncomingMessage, text: string): Opinion {
  const attempted = 'reading what the server makes of a request'
  const received = `status ${statusCode}: ${text.slice(0, 200)}`
  if (refusals.includes(statusCode ?? 0)) throw detectError('JUDGE_REFUSED', { attempted, received })
  const id = headers['x-request-id']
  const said = statusCode === 200 ? form.safeParse(parsed(text)) : undefined
  if (said?.success !== true || typeof id !== 'string' || !idForm.test(id))
    throw detectError('JUDGE_AWAY', { attempted, received })
  const { threat, action, recommendation, detectors, ledger } = said.data
  return { id, action: action ?? recommendation ?? 'allow', threat, detectors, isRecorded: ledger !== null }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { CountedReason } from '@sealwatch/detect/verdict'
import type { Authorised } from '../../access/index.ts'
import type { Exceptions } from '../exceptions.ts'
import type { FeedbackWord, RequestFeedback } from './feedback.ts'
import { dayBefore, type ScoreBook } from './score-book.ts'
import type { RequestSettings } from './settings.ts'
import type { JudgedBy } from './settings-vouching.ts'
import { type Suggestion, suggestionsOf } from './suggestions.ts'

export type Calibration = JudgedBy & {
  /** Of which there is anything (UTC). */
  readonly days: number
  /** How many requests had each score, from 0 to 100, without those of which somebody said that they were attacks. */
  readonly scores: readonly number[]
  /** The most frequent first. */
  readonly reasons: readonly (CountedReason & { readonly falseAlarms: number })[]
  readonly feedback: { readonly falseAlarms: number; readonly right: number }
  readonly suggestions: readonly Suggestion[]
}

/** What thresholds come to on a tenant's own requests. */
export type Calibrations = { read(by: Authorised<'threat:read'>, days: number): Promise<Calibration> }

export function createCalibrations(options: {
  readonly scores: Pick<ScoreBook, 'read'>
  readonly feedback: Pick<RequestFeedback, 'after'>
  readonly exceptions: Pick<Exceptions, 'has'>
  readonly settings: Pick<RequestSettings, 'of'>
  readonly clock: Clock
}): Calibrations {
  const { scores, feedback, exceptions, settings, clock } = options
  return {
    read: async (by, days) => {
      const { tenant } = by
      const judged = await scores.read(by, days)
      const { counts, newest } = await feedback.after(tenant, dayBefore(clock.nowMs(), days))
      const alarms = newest.filter(({ word }) => word === 'false_alarm')
      const alarmsBy = Map.groupBy(alarms, ({ threat }) => nameOf((JSON.parse(threat) as Threat).reasons[0]))
      const right = new Map(
        counts.flatMap(({ word, score, times }) => (word === 'right' ? [[score, times] as const] : [])),
      )
      const given = (due: FeedbackWord) => counts.reduce((sum, { word, times }) => sum + (word === due ? times : 0), 0)
      return {
        ...settings.of(tenant),
        days: judged.days,
        scores: judged.scores.map((count, score) => Math.max(0, count - (right.get(score) ?? 0))),
        reasons: judged.reasons.map((reason) => ({
          ...reason,
          falseAlarms: alarmsBy.get(nameOf(reason))?.length ?? 0,
        })),
        feedback: { falseAlarms: given('false_alarm'), right: given('right') },
        suggestions: suggestionsOf(newest).filter(({ falseAlarms: _, ...matter }) => !exceptions.has(tenant, matter)),
      }
    },
  }
}

type Threat = { readonly reasons: readonly { readonly detector: string; readonly id?: string }[] }
const nameOf = (reason: Threat['reasons'][number] | undefined) => `${reason?.detector}:${reason?.id ?? ''}`

// SPDX-License-Identifier: Apache-2.0
// What an alert says of a request that was judged an attack.

import type { Entry } from './entry.ts'
import { memberAt, numberAt, textAt } from './member.ts'

export type VerdictReason = {
  readonly detector: string
  /** Null: the detector as a whole. */
  readonly id: string | null
  readonly what: string
  readonly where: string | undefined
  /** Redacted. */
  readonly matched: string | undefined
  readonly weight: number
}

export type Verdict = {
  readonly kind: string
  readonly score: number
  readonly confidence: number | undefined
  readonly method: string | undefined
  /** As the service calls it. */
  readonly route: string | undefined
  readonly worth: string
  readonly told: string
  /** Who asked: the service, and not who sent the request. */
  readonly by: string
  /** Heaviest first. */
  readonly reasons: readonly VerdictReason[]
}

const dataOf = (event: unknown) => {
  const evidences = memberAt(event, 'evidences')
  return Array.isArray(evidences) ? memberAt(evidences[0], 'data') : undefined
}

/** The server's own word that a request was an attack; undefined: the line is about something else. */
export function verdictOf({ line: { event }, source }: Pick<Entry, 'line' | 'source'>): Verdict | undefined {
  if (source !== 'server' || textAt(event, 'metadata', 'event_code') !== 'request_threat') return undefined
  const data = dataOf(event)
  const reasons = memberAt(data, 'reasons')
  return {
    kind: textAt(data, 'type')?.replaceAll('_', ' ') ?? 'other',
    score: numberAt(data, 'score') ?? 0,
    confidence: numberAt(data, 'confidence'),
    method: textAt(data, 'method'),
    route: textAt(data, 'route'),
    worth: textAt(data, 'recommended_action') ?? '?',
    told: textAt(data, 'action') ?? '?',
    by: textAt(event, 'actor', 'user', 'uid') ?? '',
    reasons: Array.isArray(reasons) ? reasons.map(reasonOf) : [],
  }
}

const reasonOf = (reason: unknown): VerdictReason => ({
  detector: textAt(reason, 'detector') ?? '?',
  id: textAt(reason, 'id') ?? null,
  what: textAt(reason, 'what') ?? '',
  where: textAt(reason, 'where'),
  matched: textAt(reason, 'matched'),
  weight: numberAt(reason, 'weight') ?? 0,
})

/** What was asked for, as far as the service says: `GET /search`. */
export function askedFor(event: unknown): string | undefined {
  const data = textAt(event, 'metadata', 'event_code') === 'request_threat' ? dataOf(event) : undefined
  const route = textAt(data, 'route')
  return route === undefined ? undefined : [textAt(data, 'method'), route].filter(Boolean).join(' ')
}

/** What is redacted, and what is a pattern to exceptions, names no place. */
export const nameOrNothing = (text: string | undefined): string =>
  text === undefined || /[…·#*?\\]/.test(text) ? '' : text

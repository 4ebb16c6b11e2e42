// SPDX-License-Identifier: Apache-2.0

import type { Authority } from './authority.ts'
import { isEnding } from './certificate-end.ts'

/** The CA that certifies now, as `sealwatch status`, `doctor` and /healthz show it. */
export type CaState = {
  /** Of its certificate. */
  readonly subject: string
  /** RFC 3339. */
  readonly endsAt: string
  /** `ending`: the next one is due. */
  readonly state: 'good' | 'ending' | 'ended'
  /** Why what lies in an operator's file is not the CA; null: it is, or there is no such file. */
  readonly problem: string | null
}

export function caStateOf(
  { certificate, problem }: Pick<Authority, 'certificate' | 'problem'>,
  nowMs: number,
): CaState {
  const { subject, validFromDate, validToDate } = certificate
  const life = { beginsAt: validFromDate.toISOString(), expiresAt: validToDate.toISOString() }
  const state = nowMs >= validToDate.getTime() ? 'ended' : isEnding(life, nowMs) ? 'ending' : 'good'
  const why = problem === undefined ? null : [problem.code, problem.received ?? problem.rule].join(': ')
  return { subject: subject.replaceAll('\n', ', '), endsAt: life.expiresAt, state, problem: why }
}

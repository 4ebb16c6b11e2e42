// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '@sealwatch/detect/request'
import type { RecommendedAction, Verdict } from '@sealwatch/detect/verdict'
import { alertEvent, type ServerVoice } from '../../identity/index.ts'

export const threatCode = 'request_threat'

export type Threat = {
  readonly tenant: string
  readonly by: string
  readonly about: string
  readonly timeNs: bigint
  readonly verdict: Verdict
  readonly action: RecommendedAction
  readonly asked: Pick<RequestContext, 'method' | 'route'>
}

const runbook = 'request-threat.md'
/** ATT&CK: Exploit Public-Facing Application. */
const attacks = [{ technique: { uid: 'T1190', name: 'Exploit Public-Facing Application' } }] as const

/**
 * Of the request, its sender and its user nothing stands in the line but what the verdict tells, redacted, and what the service
 * itself calls its route: a path may name somebody. `unwrittenBefore`: threats without a line since the last one.
 */
export function threatEvent(
  voice: ServerVoice,
  { verdict, action, asked, ...threat }: Threat,
  unwrittenBefore: number,
) {
  const { severity, type, score, confidence, recommended_action, reasons, excepted, signals, detectors } = verdict
  const title = `An attack on a service: ${(type ?? 'other').replaceAll('_', ' ')}`
  return alertEvent(voice, {
    ...threat,
    code: threatCode,
    component: 'detect',
    severity,
    title,
    message: `${title}, score ${score} of 100`,
    runbook,
    attacks,
    evidence: {
      ...(/^[A-Z]{1,32}$/.test(asked.method) && { method: asked.method }),
      ...(asked.route !== undefined && { route: asked.route }),
      ...{ type, score, confidence, recommended_action, action, reasons, excepted, signals, detectors },
      ...(unwrittenBefore > 0 && { unwritten_before: unwrittenBefore }),
    },
  })
}

/** Where no line of a threat came that could have said it. */
export function unwrittenEvent(voice: ServerVoice, tenant: string, unwritten: number, timeNs: bigint) {
  const title = 'Attacks on services that have no alerts of their own'
  return alertEvent(voice, {
    tenant,
    timeNs,
    about: tenant,
    code: 'request_threats_unwritten',
    component: 'detect',
    severity: 'medium',
    title,
    message: `${title}: ${unwritten}, for there were too many, or no room on the disk`,
    runbook,
    attacks,
    evidence: { unwritten_before: unwritten },
  })
}

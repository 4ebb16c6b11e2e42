// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import type { OcsfAttack, SeverityName } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { alertEvent, type Host, type ServerVoice } from '../identity/index.ts'
import type { IncidentKind } from './presence.ts'

type IncidentRow = {
  readonly severity: SeverityName
  readonly told: string
  readonly over: string
  readonly runbook: string
  readonly attacks: readonly OcsfAttack[]
}

/** What an attacker who takes the eyes out does. */
const impaired: OcsfAttack = {
  technique: { uid: 'T1562', name: 'Impair Defenses' },
  tactic: { uid: 'TA0005', name: 'Defense Evasion' },
}
const blinded = { runbook: 'host-blind.md', attacks: [impaired] } as const

const rows = {
  silent: { severity: 'critical', told: 'says nothing any more', over: 'is back', ...blinded },
  stopped: {
    severity: 'high',
    told: 'was stopped, and is not back: nobody watches it',
    over: 'is started again',
    ...blinded,
  },
  sensor_gone: {
    severity: 'critical',
    told: 'has no sensor any more: it sees nothing',
    over: 'has its sensor back',
    ...blinded,
  },
  sites_closed: {
    severity: 'high',
    told: 'sees less than before: its sensor lost some of its sites',
    over: 'sees as much as before',
    ...blinded,
  },
  withholds: {
    severity: 'high',
    told: 'seals lines and does not send them',
    over: 'sends what it seals',
    ...blinded,
  },
  cannot_seal: {
    severity: 'high',
    told: 'cannot seal what it sees: it waits in memory',
    over: 'seals what it sees',
    ...blinded,
  },
  clock_off: {
    severity: 'high',
    told: 'has a clock that was set, or is far off',
    over: 'has a clock that agrees',
    ...blinded,
  },
  certificate_ending: {
    severity: 'medium',
    told: 'has a certificate that ends soon and is not renewed',
    over: 'has another certificate',
    runbook: 'certificate.md',
    attacks: [],
  },
  policy_not_enforced: {
    severity: 'high',
    told: 'does not enforce a policy that it is to enforce',
    over: 'enforces its policies',
    runbook: 'policy-denial.md',
    attacks: [impaired],
  },
} as const satisfies Record<IncidentKind, IncidentRow>

/** For the log. */
export const incidentText = (kind: IncidentKind, isOver: boolean): string =>
  `a host ${isOver ? rows[kind].over : rows[kind].told}`

/** An alert for the ledger of the host's tenant, or, with `over`, the end of the one that began at `beganNs`. */
export function incidentEvent(
  voice: ServerVoice,
  host: Host,
  kind: IncidentKind,
  at: { readonly nowNs: bigint; readonly beganNs: bigint; readonly isOver: boolean },
  evidence: object,
): Body {
  const { severity, told, over, runbook, attacks } = rows[kind]
  const { nowNs, beganNs, isOver } = at
  // The clock may have been set back meanwhile.
  const lasted = Math.max(0, Math.round(Number(nowNs - beganNs) / 1e9))
  return alertEvent(voice, {
    code: `host_${kind}`,
    component: 'presence',
    tenant: host.tenant,
    timeNs: nowNs,
    about: host.hostId,
    severity: isOver ? 'informational' : severity,
    message: isOver ? `the host ${host.hostname} ${over}, after ${lasted} s` : `the host ${host.hostname} ${told}`,
    title: `A host ${told}`,
    runbook,
    attacks,
    evidence: { host_id: host.hostId, began: rfc3339(beganNs), ...evidence },
    ...(isOver && { endsNs: beganNs }),
  })
}

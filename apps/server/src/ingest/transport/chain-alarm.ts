// SPDX-License-Identifier: Apache-2.0

import type { Classification, SeverityName } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { auditEvent, type Host, type ServerVoice } from '../../identity/index.ts'
import type { Position } from './register.ts'

/** What can be wrong with a host's log as a whole (LOG-4). */
export type ChainAlarm =
  | { readonly kind: 'cut_off' | 'forked'; readonly agent: Position; readonly server: Position }
  | { readonly kind: 'replaced'; readonly successor: string }

type AlarmRow = { readonly activity: string; readonly severity: SeverityName; readonly told: string }

const rows = {
  cut_off: { activity: 'Cut Off', severity: 'critical', told: 'lost lines at its end that the ledger has' },
  forked: { activity: 'Rewrite', severity: 'critical', told: 'ends in other lines than the ledger has' },
  replaced: { activity: 'Replace', severity: 'high', told: 'is not continued: the host began a new one' },
} as const satisfies Record<ChainAlarm['kind'], AlarmRow>

/** For the log. */
export const alarmText = ({ kind }: ChainAlarm): string => `the log of a host ${rows[kind].told}`

/** For the ledger of the chain's tenant. */
export function alarmEvent(
  voice: ServerVoice,
  timeNs: bigint,
  host: Host,
  { chain, tenant }: { readonly chain: string; readonly tenant: string },
  alarm: ChainAlarm,
): Body {
  const { activity, severity, told } = rows[alarm.kind]
  const details =
    alarm.kind === 'replaced'
      ? { successor: alarm.successor }
      : { host_position: positionOf(alarm.agent), ledger_position: positionOf(alarm.server) }
  return auditEvent(voice, {
    code: `chain_${alarm.kind}`,
    component: 'ingest',
    tenant,
    timeNs,
    about: chain,
    kind: logActivity(activity),
    severity,
    message: `the log of the host ${host.hostname} ${told}`,
    members: {
      log_name: `sealwatch chain ${chain}`,
      log_type_id: 99,
      log_type: 'Host Chain',
      unmapped: { host_id: host.hostId, chain, ...details },
    },
  })
}

const positionOf = ({ nextSeq, tip }: Position) => ({ next_seq: nextSeq, tip })

// OCSF's Event Log Activity has no such activities; 99 is its "Other", whose name is the source's own.
function logActivity(activity: string): Classification {
  return {
    activity_id: 99,
    activity_name: activity,
    category_uid: 1,
    category_name: 'System Activity',
    class_uid: 1008,
    class_name: 'Event Log Activity',
    type_uid: 100899,
    type_name: 'Event Log Activity: Other',
  }
}

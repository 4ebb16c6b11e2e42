// SPDX-License-Identifier: Apache-2.0

import { classify, type SeverityName } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { auditEvent, type Host, type ServerVoice } from '../../identity/index.ts'
import type { Position } from './register.ts'

/** What can be wrong with a host's log as a whole (LOG-4). */
export type ChainAlarm =
  | { readonly kind: 'cut_off' | 'forked'; readonly agent: Position; readonly server: Position }
  | { readonly kind: 'replaced'; readonly successor: string }
  /** Its bytes are in quarantine, under the name `item`. */
  | { readonly kind: 'forged'; readonly item: string; readonly nextSeq: number }

type AlarmRow = { readonly severity: SeverityName; readonly told: string }

const rows = {
  cut_off: { severity: 'critical', told: 'lost lines at its end that the ledger has' },
  forked: { severity: 'critical', told: 'ends in other lines than the ledger has' },
  replaced: { severity: 'high', told: 'is not continued: the host began a new one' },
  forged: { severity: 'critical', told: 'goes on in lines that its keys did not sign, or that do not follow' },
} as const satisfies Record<ChainAlarm['kind'], AlarmRow>

/** For the log. */
export const alarmText = ({ kind }: ChainAlarm): string => `the log of a host ${rows[kind].told}`

/** An alert, for the ledger of the chain's tenant. */
export function alarmEvent(
  voice: ServerVoice,
  timeNs: bigint,
  host: Host,
  { chain, tenant }: { readonly chain: string; readonly tenant: string },
  alarm: ChainAlarm,
): Body {
  const { severity, told } = rows[alarm.kind]
  const code = `chain_${alarm.kind}`
  const timeMs = Number(timeNs / 1_000_000n)
  return auditEvent(voice, {
    code,
    component: 'ingest',
    tenant,
    timeNs,
    about: chain,
    kind: classify('finding', 'create'),
    severity,
    message: `the log of the host ${host.hostname} ${told}`,
    members: {
      is_alert: true,
      status_id: 1,
      status: 'New',
      finding_info: {
        uid: `${voice.device.boot_uid ?? voice.device.uid}:${timeNs}:${code}:${chain}`,
        title: `The log of a host ${told}`,
        desc: 'Runbook: docs/runbooks/chain-broken.md',
        analytic: { uid: code, name: code, type_id: 1, type: 'Rule' },
        attacks: [
          {
            technique: { uid: 'T1070', name: 'Indicator Removal' },
            tactic: { uid: 'TA0005', name: 'Defense Evasion' },
          },
        ],
        created_time: timeMs,
        first_seen_time: timeMs,
        last_seen_time: timeMs,
        related_events: [],
        related_events_count: 0,
      },
      evidences: [{ data: { host_id: host.hostId, chain, ...detailsOf(alarm) } }],
      unmapped: { leaves: [] },
    },
  })
}

function detailsOf(alarm: ChainAlarm): object {
  switch (alarm.kind) {
    case 'replaced':
      return { successor: alarm.successor }
    case 'forged':
      return { quarantined: alarm.item, next_seq: alarm.nextSeq }
    default:
      return { host_position: positionOf(alarm.agent), ledger_position: positionOf(alarm.server) }
  }
}

const positionOf = ({ nextSeq, tip }: Position) => ({ next_seq: nextSeq, tip })

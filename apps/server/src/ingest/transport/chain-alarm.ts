// SPDX-License-Identifier: Apache-2.0

import type { SeverityName } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { alertEvent, type Host, type ServerVoice } from '../../identity/index.ts'
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
  host: Pick<Host, 'hostId' | 'hostname'>,
  { chain, tenant }: { readonly chain: string; readonly tenant: string },
  alarm: ChainAlarm,
): Body {
  const { severity, told } = rows[alarm.kind]
  return alertEvent(voice, {
    code: `chain_${alarm.kind}`,
    component: 'ingest',
    tenant,
    timeNs,
    about: chain,
    severity,
    message: `the log of the host ${host.hostname} ${told}`,
    title: `The log of a host ${told}`,
    runbook: 'chain-broken.md',
    attacks: [
      {
        technique: { uid: 'T1070', name: 'Indicator Removal' },
        tactic: { uid: 'TA0005', name: 'Defense Evasion' },
      },
    ],
    evidence: { host_id: host.hostId, chain, ...detailsOf(alarm) },
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

// SPDX-License-Identifier: Apache-2.0

import { classify, type OcsfAttack } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { type AuditMatter, auditEvent, type ServerVoice } from './audit-event.ts'

/** Something the server itself saw that a person must know of. */
export type AlertMatter = Pick<
  AuditMatter,
  'code' | 'component' | 'tenant' | 'timeNs' | 'about' | 'severity' | 'message' | 'by'
> & {
  readonly title: string
  /** File name in docs/runbooks. */
  readonly runbook: string
  readonly attacks?: readonly OcsfAttack[]
  /** What is known of it. */
  readonly evidence: object
}

/** A Detection Finding, for `sealwatch alerts` and the outbox. */
export function alertEvent(voice: ServerVoice, matter: AlertMatter): Body {
  const { code, timeNs, about, title, runbook, attacks = [], evidence, ...rest } = matter
  const timeMs = Number(timeNs / 1_000_000n)
  return auditEvent(voice, {
    ...rest,
    code,
    timeNs,
    about,
    kind: classify('finding', 'create'),
    members: {
      is_alert: true,
      status_id: 1,
      status: 'New',
      finding_info: {
        uid: `${voice.device.boot_uid ?? voice.device.uid}:${timeNs}:${code}:${about}`,
        title,
        desc: `Runbook: docs/runbooks/${runbook}`,
        analytic: { uid: code, name: title, type_id: 1, type: 'Rule' },
        attacks,
        created_time: timeMs,
        first_seen_time: timeMs,
        last_seen_time: timeMs,
        related_events: [],
        related_events_count: 0,
      },
      evidences: [{ data: evidence }],
      unmapped: { leaves: [] },
    },
  })
}

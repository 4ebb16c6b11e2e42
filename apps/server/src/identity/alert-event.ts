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
  /** Of the end of what was alerted of then. */
  readonly endsNs?: bigint
}

/** A Detection Finding, for `sealwatch alerts` and the outbox. */
export function alertEvent(voice: ServerVoice, matter: AlertMatter): Body {
  const { code, timeNs, about, title, runbook, attacks = [], evidence, endsNs, ...rest } = matter
  const timeMs = Number(timeNs / 1_000_000n)
  const beganNs = endsNs ?? timeNs
  const isOver = endsNs !== undefined
  return auditEvent(voice, {
    ...rest,
    code,
    timeNs,
    about,
    kind: classify('finding', isOver ? 'close' : 'create'),
    members: {
      is_alert: !isOver,
      ...(isOver ? { status_id: 4, status: 'Resolved' } : { status_id: 1, status: 'New' }),
      finding_info: {
        uid: `${voice.device.boot_uid ?? voice.device.uid}:${beganNs}:${code}:${about}`,
        title,
        desc: `Runbook: docs/runbooks/${runbook}`,
        analytic: { uid: code, name: title, type_id: 1, type: 'Rule' },
        attacks,
        created_time: timeMs,
        first_seen_time: Number(beganNs / 1_000_000n),
        last_seen_time: timeMs,
        related_events: [],
        related_events_count: 0,
      },
      evidences: [{ data: evidence }],
      unmapped: { leaves: [] },
    },
  })
}

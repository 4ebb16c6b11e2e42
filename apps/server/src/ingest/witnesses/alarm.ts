// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, messageOf } from '@sealwatch/base'
import { classify } from '@sealwatch/contract'
import type { Body } from '@sealwatch/ledger'
import { auditEvent, auditTenant, type ServerVoice } from '../../identity/index.ts'
import type { Outbox, Store } from '../../store/index.ts'
import type { SplitViewFound } from './split-view.ts'

const code = 'split_view'
const title = 'A witness knows another tree of this log'

const told = {
  same_size: 'has another root for the same size',
  larger: 'has cosigned a larger tree than this server ever had',
  not_extended: 'has cosigned a tree that the one of this server does not extend',
} as const satisfies Record<SplitViewFound['kind'], string>

/** An alert of the deployment's own ledger, with both checkpoints where the witness showed its own. */
export function splitViewEvent(voice: ServerVoice, timeNs: bigint, found: SplitViewFound): Body {
  const { witness, kind, theirSize, ours, theirs, proven } = found
  const message = `the witness ${witness} ${told[kind]}${proven ? ', and our log key signed both' : ''}`
  const timeMs = Number(timeNs / 1_000_000n)
  return auditEvent(voice, {
    code,
    component: 'ingest',
    tenant: auditTenant,
    timeNs,
    about: witness,
    kind: classify('finding', 'create'),
    severity: 'critical',
    message,
    members: {
      is_alert: true,
      status_id: 1,
      status: 'New',
      finding_info: {
        uid: `${voice.device.boot_uid ?? voice.device.uid}:${timeNs}:${code}:${witness}`,
        title,
        desc: 'Runbook: docs/runbooks/split-view.md',
        analytic: { uid: code, name: title, type_id: 1, type: 'Rule' },
        attacks: [],
        created_time: timeMs,
        first_seen_time: timeMs,
        last_seen_time: timeMs,
        related_events: [],
        related_events_count: 0,
      },
      evidences: [{ data: { kind, ours, theirs: theirs ?? null, their_size: theirSize ?? null, proven } }],
      unmapped: { leaves: [] },
    },
  })
}

/** Tells of it in the log at once, and in the ledger as soon as the database takes it. */
export function createSplitViewAlarm(of: {
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}): (found: SplitViewFound) => void {
  const { store, outbox, voice, clock, log } = of
  const record = async (found: SplitViewFound) => {
    const body = splitViewEvent(voice, clock.nowNs(), found)
    await store.transaction(async (tx) => void (await outbox.enqueue(tx, auditTenant, body)))
    outbox.ring()
  }
  return (found) => {
    log.critical(`SPLIT VIEW: ${title.toLowerCase()}: docs/runbooks/split-view.md`, { ...found })
    record(found).catch((error: unknown) =>
      log.critical(`the alert about a split view could not be recorded: ${messageOf(error)}`, { error }),
    )
  }
}

// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, messageOf } from '@sealwatch/base'
import type { Body } from '@sealwatch/ledger'
import { alertEvent, auditTenant, type ServerVoice } from '../../identity/index.ts'
import type { Outbox, Store } from '../../store/index.ts'
import type { SplitViewFound } from './split-view.ts'

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
  return alertEvent(voice, {
    code: 'split_view',
    component: 'ingest',
    tenant: auditTenant,
    timeNs,
    about: witness,
    severity: 'critical',
    message,
    title,
    runbook: 'split-view.md',
    evidence: { kind, ours, theirs: theirs ?? null, their_size: theirSize ?? null, proven },
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

// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type Log } from '@sealwatch/base'
import { alertEvent, type RecordOptions } from '../../identity/index.ts'

/** A row of the database that no line stands behind. */
export type Unvouched = {
  /** In whose ledger its line would be. */
  readonly tenant: string
  readonly kind:
    | 'signing_key'
    | 'strict_mode'
    | 'strict_acknowledgement'
    | 'quarantine_release'
    | 'host_config'
    | 'rule_exception'
    | 'request_settings'
  readonly name: string
  readonly why: string
}

const told: Readonly<Record<Unvouched['kind'], string>> = {
  signing_key: 'a signing key',
  strict_mode: 'switched-off signatures',
  strict_acknowledgement: 'an acknowledgement of STRICT_SIGNATURES=false',
  quarantine_release: 'the release of a quarantined item',
  host_config: 'what hosts are told to do',
  rule_exception: 'an exception from detection rules',
  request_settings: 'how requests are judged',
}
/** In one alarm; more are counted. */
const namedMax = 20

/** Says it in the log, and raises an alarm for each tenant and kind. */
export async function tellUnvouched(
  { store, outbox, voice, clock, log }: RecordOptions & { readonly log: Log },
  found: readonly Unvouched[],
): Promise<void> {
  for (const { tenant, kind, name, why } of found.slice(0, namedMax))
    log.critical('a row of the database counts for nothing, for the ledger does not say it', {
      tenant,
      kind,
      name,
      why,
    })
  for (const group of Map.groupBy(found, ({ tenant, kind }) => `${kind} ${tenant}`).values()) {
    const { tenant, kind, name, why } = group[0] as Unvouched
    const more = group.length === 1 ? '' : `; and ${group.length - 1} more`
    const body = alertEvent(voice, {
      code: 'row_unvouched',
      component: 'trust',
      tenant,
      timeNs: clock.nowNs(),
      about: `${kind}:${name}`,
      severity: 'critical',
      message: `the database tells of ${told[kind]} that the ledger does not know, and it counts for nothing: ${name}: ${why}${more}`,
      title: `The database tells of ${told[kind]} that the ledger does not know`,
      runbook: 'database-altered.md',
      attacks: [
        {
          technique: { uid: 'T1565', name: 'Data Manipulation' },
          tactic: { uid: 'TA0040', name: 'Impact' },
        },
      ],
      evidence: { kind, rows: group.slice(0, namedMax).map((one) => ({ name: one.name, why: one.why })) },
    })
    try {
      await store.transaction((tx) => outbox.enqueue(tx, tenant, body))
    } catch (error) {
      // The log has it, and nothing counts that should not: a full disk keeps nobody from starting.
      if (!isSealwatchError(error, 'DISK_FULL') && !isSealwatchError(error, 'STORE_FULL')) throw error
      log.error('an alarm could not be written down', { tenant, error })
    }
  }
  if (found.length > 0) outbox.ring()
}

// SPDX-License-Identifier: Apache-2.0

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Disk, isSealwatchError, type Log, rfc3339 } from '@sealwatch/base'
import { type Classification, classify, type SeverityName, type UnmappedMembers } from '@sealwatch/contract'
import { auditEvent, auditTenant, type ServerVoice } from './identity/index.ts'
import type { Outbox, Store } from './store/index.ts'

/** This run of the server, from its start to its end, as the cluster's ledger tells of it. */
export type Life = {
  /** What came before is known by now, and told. */
  begin(): Promise<void>
  /** Told with why; the next start knows by it that nothing was cut off. */
  end(cause: string): Promise<void>
}

export type LifeOptions = {
  readonly dir: string
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
}

const timeForm = /^\d{4}-\d\d-\d\dT[\d:.]{8,18}Z$/

/** The file `running` stands as long as a server runs over `dir`: what finds it there begins after one that was cut off. */
export function createLife({ dir, store, outbox, voice, disk, clock, log }: LifeOptions): Life {
  const path = join(dir, 'running')

  async function tell(
    code: 'server_started' | 'server_stopped',
    kind: Classification,
    severity: SeverityName,
    message: string,
    unmapped: UnmappedMembers,
  ): Promise<void> {
    const body = auditEvent(voice, {
      code,
      component: 'server',
      tenant: auditTenant,
      timeNs: clock.nowNs(),
      about: 'life',
      kind,
      severity,
      message,
      members: { unmapped },
    })
    await store.transaction((tx) => outbox.enqueue(tx, auditTenant, body))
    outbox.ring()
  }

  /** A full disk keeps nobody from starting: then this is told in the log alone. */
  async function unlessFull(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!isSealwatchError(error, 'DISK_FULL') && !isSealwatchError(error, 'STORE_FULL')) throw error
      log.error('the start or the end of the server could not be written down', { error })
    }
  }

  return {
    begin: () =>
      unlessFull(async () => {
        const found = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return undefined
          throw error
        })
        const startedAt = rfc3339(clock.nowNs())
        const start = classify('lifecycle', 'start')
        if (found === undefined) await tell('server_started', start, 'informational', 'the server started', {})
        else {
          const since = timeForm.test(found) ? found : 'an unknown time'
          const message = `the server started; the one before, running since ${since}, ended without saying so`
          await tell('server_started', start, 'medium', message, { cut_off_since: since })
        }
        await disk.replace(path, startedAt)
      }),
    end: (cause) =>
      unlessFull(async () => {
        await tell('server_stopped', classify('lifecycle', 'stop'), 'low', `the server stops: ${cause}`, { cause })
        await disk.remove(path)
      }),
  }
}

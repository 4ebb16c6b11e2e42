// SPDX-License-Identifier: Apache-2.0

import { type Clock, isSealwatchError, type Log } from '@sealwatch/base'
import type { Outbox } from '../store/index.ts'
import type { Ledgers } from './ledgers.ts'

const batchMax = 256
const retryMs = 1000

/**
 * Brings what the server has to say into the ledgers, until the signal fires. `indexed` must resolve once the index
 * covers all that was in the ledgers at the start: a row that is still there then is in no ledger yet, so no line is
 * written twice, wherever the last run stopped.
 */
export async function publishOutbox(options: {
  readonly outbox: Outbox
  readonly ledgers: Ledgers
  readonly indexed: Promise<unknown>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}): Promise<void> {
  const { outbox, ledgers, indexed, clock, log, signal } = options
  await indexed
  while (!signal.aborted) {
    const woken = outbox.wait(signal)
    const waiting = await outbox.waiting(batchMax)
    // Of a tenant that is being created or erased the ledger may not be open.
    const rows = waiting.filter(({ tenant }) => ledgers.has(tenant))
    if (rows.length === 0) {
      await woken
      continue
    }
    const appended = await Promise.allSettled(
      rows.map(async ({ uid, tenant, body }) => {
        const { first } = await ledgers.get(tenant).append({ own: body })
        // In the ledger; the index takes the row away. Until then it is not to be written again.
        await outbox.committed(uid, signal)
        return first
      }),
    )
    if (appended.every(({ status }) => status === 'fulfilled')) outbox.stuckSinceMs = undefined
    for (const result of appended) {
      if (result.status === 'fulfilled') continue
      if (isSealwatchError(result.reason, 'LEDGER_CLOSED')) continue
      if (!isSealwatchError(result.reason, 'DISK_FULL')) throw result.reason
      outbox.stuckSinceMs ??= clock.nowMs()
      log.error('entries of the server itself wait for disk space', { error: result.reason })
      await clock.sleep(retryMs, signal)
      break
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import { type Log, messageOf } from '@sealwatch/base'
import type { RecordOptions } from '../../identity/index.ts'
import { type FailureMatter, loginFailed } from './events.ts'

/** The first failure of a kind is told at once, those that follow within this time together, with their number. */
const togetherMs = 60_000
/** Kinds that are told apart: who or whence, and why. Those beyond are told as one. */
const kindsMax = 1_000

type Failure = Omit<FailureMatter, 'times'>

export type FailedLogins = {
  /** Takes note; never throws and never waits. */
  note(failure: Failure): void
  readonly count: number
  /** Brings what gathered into the ledger, until the signal fires and a last time then. */
  run(signal: AbortSignal): Promise<void>
}

/** Every log-in that failed is in the ledger of the cluster, and nobody fills it by trying. */
export function createFailedLogins({ store, outbox, voice, clock, log }: RecordOptions & { log: Log }): FailedLogins {
  const gathering = new Map<string, { last: Failure; times: number; sinceMs: number }>()
  let count = 0
  let due: Promise<void> = Promise.resolve()

  function write(matter: FailureMatter): void {
    due = due.then(async () => {
      try {
        const line = loginFailed(voice, clock.nowNs(), matter)
        await store.transaction(async (tx) => void (await outbox.enqueue(tx, 'cluster', line)))
        outbox.ring()
      } catch (error) {
        log.error(`a failed log-in could not be recorded: ${messageOf(error)}`, { cause: matter.cause, error })
      }
    })
  }

  function flush(beforeMs: number): void {
    for (const [key, { last, times, sinceMs }] of gathering) {
      if (sinceMs > beforeMs) continue
      gathering.delete(key)
      if (times > 0) write({ ...last, times })
    }
  }

  return {
    get count() {
      return count
    },
    note: (failure) => {
      count += 1
      const own = `${failure.personId ?? failure.source} ${failure.cause}`
      const isTold = gathering.size < kindsMax || gathering.has(own)
      const key = isTold ? own : 'others'
      const known = gathering.get(key)
      if (known === undefined) {
        gathering.set(key, { last: failure, times: 0, sinceMs: clock.nowMs() })
        write({ ...failure, times: 1 })
        return
      }
      known.last = isTold ? failure : { ...failure, personId: undefined, source: 'many', cause: 'MANY' }
      known.times += 1
    },
    run: async (signal) => {
      while (!signal.aborted) {
        await clock.sleep(togetherMs / 4, signal)
        flush(clock.nowMs() - togetherMs)
      }
      flush(Number.POSITIVE_INFINITY)
      await due
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import { actEvent, type RecordOptions } from '../identity/index.ts'
import type { Denial } from './gate.ts'
import { nameOf } from './principal.ts'

/** The first denial of a kind is told at once, those that follow within this time together, with their number. */
const togetherMs = 60_000
/** Kinds that are told apart; those beyond are told as one for each tenant. */
const kindsMax = 10_000

export type Denials = {
  /** Takes note; never throws and never waits. */
  note(denial: Denial): void
  readonly count: number
  /** Brings what gathered into the ledgers, until the signal fires and a last time then. */
  run(signal: AbortSignal): Promise<void>
}

type Kind = { first: Denial; times: number; sinceMs: number }

/** Every denial is in the ledger of the tenant that was to be reached, however many there are (POL-1). */
export function createDenials(
  options: RecordOptions & { readonly isTenant: (tenant: string) => boolean; readonly log: Log; readonly clock: Clock },
): Denials {
  const { store, outbox, voice, clock, isTenant, log } = options
  const gathering = new Map<string, Kind>()
  let count = 0
  let due: Promise<void> = Promise.resolve()

  const keyOf = ({ principal, action, tenant, code }: Denial) =>
    gathering.size < kindsMax ? `${tenant} ${action} ${code} ${nameOf(principal)}` : `${tenant}`

  function write({ first, times }: Kind): void {
    const { principal, action, requestId, code } = first
    const why = code === undefined ? '' : ` (${code})`
    // What was asked of a tenant that does not exist is the deployment's matter.
    const tenant = isTenant(first.tenant) ? first.tenant : 'cluster'
    due = due.then(async () => {
      try {
        await store.transaction(async (tx) => {
          const event = actEvent(voice, {
            code: 'access_denied',
            component: 'access',
            tenant,
            timeNs: clock.nowNs(),
            by: { name: nameOf(principal), requestId },
            verb: 'deny',
            severity: 'medium',
            message: `${nameOf(principal)} was denied ${action}${why}${times > 1 ? `, ${times} times` : ''}`,
            entity: { type: 'Action', uid: action },
            details: {
              denied_action: action,
              denied_times: times,
              ...(code === undefined ? {} : { denied_code: code }),
            },
          })
          await outbox.enqueue(tx, tenant, event)
        })
        outbox.ring()
      } catch (error) {
        log.error('a denial could not be recorded', { action, error })
      }
    })
  }

  function flush(beforeMs: number): void {
    for (const [key, kind] of gathering) {
      if (kind.sinceMs > beforeMs) continue
      gathering.delete(key)
      if (kind.times > 0) write(kind)
    }
  }

  return {
    get count() {
      return count
    },
    note(denial) {
      count += 1
      const key = keyOf(denial)
      const known = gathering.get(key)
      if (known !== undefined) {
        if (known.times === 0) known.first = denial
        known.times += 1
        return
      }
      gathering.set(key, { first: denial, times: 0, sinceMs: clock.nowMs() })
      write({ first: denial, times: 1, sinceMs: 0 })
    },
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(togetherMs / 4, signal)
        flush(clock.nowMs() - togetherMs)
      }
      flush(Number.POSITIVE_INFINITY)
      await due
    },
  }
}

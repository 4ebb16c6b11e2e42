// SPDX-License-Identifier: Apache-2.0
// How processes are that become protected: the guard may not look into them, and asks the sensor (docs/formats/frame.md, 13).

import type { Clock } from '@sealwatch/base'
import type { GuardAudit } from '@sealwatch/contract'
import type { SensorMessage } from '../sources/observation.ts'
import { keyOf, type ProcessKey } from './act.ts'
import { auditOf, notExamined } from './audit.ts'

export type Examinations = {
  /** What is wrong with it now; asked anew each time. */
  of(process: ProcessKey): Promise<readonly GuardAudit[]>
  /** Somebody waits for the sensor's word of it. */
  isDue(process: ProcessKey): boolean
  take(messages: readonly SensorMessage[]): void
}

/** A sensor that begins with the guard is there within less, and a thousand processes are looked at. */
const patienceMs = 5_000

/** `ask`: there is one more to be told the sensor. */
export function createExaminations(ask: () => void, clock: Pick<Clock, 'sleep'>): Examinations {
  const due = new Map<string, PromiseWithResolvers<readonly GuardAudit[]>>()

  function answer(key: string, audit: readonly GuardAudit[]): void {
    due.get(key)?.resolve(audit)
    due.delete(key)
  }

  return {
    async of(process) {
      const key = keyOf(process)
      const waiting = due.get(key) ?? Promise.withResolvers<readonly GuardAudit[]>()
      due.set(key, waiting)
      ask()
      const over = new AbortController()
      const late = clock.sleep(patienceMs, over.signal).then(() => {
        if (!over.signal.aborted && due.get(key) === waiting) answer(key, notExamined)
      })
      late.catch(() => undefined)
      return waiting.promise.finally(() => over.abort('answered'))
    },
    isDue: (process) => due.has(keyOf(process)),
    take(messages) {
      for (const message of messages)
        if (message.kind === 'examined') answer(keyOf(message.actor), auditOf(message, message.actor.exe))
    },
  }
}

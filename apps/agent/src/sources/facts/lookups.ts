// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Enrichment } from '../../observe/enrichment.ts'
import type { SensorMessage } from '../observation.ts'
import { createProcessFacts, type ProcessLookups } from './process-facts.ts'

/** Fills the memory that events are enriched from, beside their way. */
export type Lookups = {
  readonly enrichment: Enrichment
  /** Looks up what these messages need; resolves when that is known, after `patienceMs` at the latest. */
  prepare(messages: readonly SensorMessage[]): Promise<void>
}

/** How long the events of one read of the socket wait at most. What comes later serves the events after. */
export const patienceMs = 10

export function createLookups(clock: Clock, processes: ProcessLookups = createProcessFacts(clock)): Lookups {
  return {
    enrichment: { process: processes.of },
    prepare: async (messages) => {
      const looking = messages.flatMap((message) => {
        if (message.kind === 'hello' || message.kind === 'report' || message.kind === 'exit') return []
        // With its image a process often changes its groups and its terminal.
        return processes.look(message.actor, message.kind === 'exec') ?? []
      })
      if (looking.length === 0) return
      const done = new AbortController()
      const all = Promise.all(looking).then(() => done.abort())
      await Promise.race([all, clock.sleep(patienceMs, done.signal)])
    },
  }
}

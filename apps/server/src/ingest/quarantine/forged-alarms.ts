// SPDX-License-Identifier: Apache-2.0

import type { Clock, Log } from '@sealwatch/base'
import type { ServerVoice } from '../../identity/index.ts'
import type { Outbox, Tx } from '../../store/index.ts'
import type { Reason } from '../../trust/index.ts'
import { alarmEvent, alarmText } from '../transport/chain-alarm.ts'
import type { QuarantinedBatch } from './quarantine.ts'

export type ForgedBatch = { readonly batch: QuarantinedBatch; readonly item: string }

/**
 * Raises an alarm for lines of hosts that no key of their chain signed, or that do not continue it: one a minute of each
 * chain and reason. It is written with the row of the first of them, so no crash comes between the two.
 */
export type ForgedAlarms = {
  /** Of batches of one tenant that are kept now; undefined: there is nothing to say. */
  due(kept: readonly ForgedBatch[]): DueAlarms | undefined
}

export type DueAlarms = {
  enter(tx: Tx): Promise<void>
  /** To be called once the transaction is on stable storage. */
  entered(): void
}

/** Whoever sealed such lines does not hold the keys of the chain: the gap they leave must not pass in silence. */
const unsigned: readonly Reason[] = ['invalid_signature', 'unknown_key']
/** Each item has its stub in the ledger; an alarm for each would be as many lines again. */
const everyMs = 60_000
const chainsMax = 1024

export function createForgedAlarms(options: {
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}): ForgedAlarms {
  const { outbox, voice, clock, log } = options
  const raisedAtMs = new Map<string, number>()

  return {
    due: (kept) => {
      const forged = kept.filter(
        ({ batch: { hostname, reason } }) => hostname !== undefined && unsigned.includes(reason),
      )
      if (forged.length === 0) return undefined
      const nowMs = clock.nowMs()
      const isDue = (name: string) => nowMs - (raisedAtMs.get(name) ?? Number.NEGATIVE_INFINITY) >= everyMs
      const named = Map.groupBy(forged, ({ batch: { chain, reason } }) => `${chain} ${reason}`)
      const firsts = [...named].flatMap(([name, [first]]) =>
        first !== undefined && isDue(name) ? [[name, first] as const] : [],
      )
      if (firsts.length === 0) return undefined
      const alarms = firsts.map(([name, { batch, item }]) => {
        const { tenant, chain, hostId, hostname = '', nextSeq } = batch
        return {
          name,
          at: { tenant, chain },
          host: { hostId, hostname },
          alarm: { kind: 'forged', item, nextSeq } as const,
        }
      })
      return {
        enter: async (tx) => {
          for (const { at, host, alarm } of alarms)
            await outbox.enqueue(tx, at.tenant, alarmEvent(voice, clock.nowNs(), host, at, alarm))
        },
        entered: () => {
          if (raisedAtMs.size >= chainsMax) raisedAtMs.clear()
          for (const { name, at, host, alarm } of alarms) {
            raisedAtMs.set(name, nowMs)
            log.critical(alarmText(alarm), { host_id: host.hostId, ...at, ...alarm })
          }
          outbox.ring()
        },
      }
    },
  }
}

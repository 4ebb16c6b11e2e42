// SPDX-License-Identifier: Apache-2.0

import { type Clock, createFairTurns } from '@sealwatch/base'
import { transportError } from './errors.ts'

/** Hosts that register, one after the other: tenants and their hosts in fair turns. */
export type Arrivals = {
  /**
   * Does the work in the turn of its host. Throws REGISTRATIONS_WAIT, with how long, where that turn would come late: who waits in
   * silence gives up at some time, and comes again with another handshake.
   */
  take<T>(tenant: string, hostId: string, work: () => Promise<T>): Promise<T>
}

/** After so many registrations everything else on this thread has a turn: hosts that come back wait beside those that are here. */
const atOnce = 32
const waitMsMax = 10_000
/** So many wait, whatever it takes. */
const waitingMin = 64
/** What a turn takes until there was one, and what the newest counts for from then on. */
const turn = { msFirst: 10, newest: 1 / 16 } as const

export function createArrivals(clock: Pick<Clock, 'monotonicNs' | 'sleep'>): Arrivals {
  const turns = createFairTurns(clock, atOnce)
  const waiting = new Map<string, number>()
  let all = 0
  /** From one turn to the next while others wait: with what else this thread does meanwhile. */
  let turnMs: number = turn.msFirst
  let begunNs: bigint | undefined

  function add(tenant: string, change: 1 | -1): void {
    const left = (waiting.get(tenant) ?? 0) + change
    if (left === 0) waiting.delete(tenant)
    else waiting.set(tenant, left)
    all += change
  }

  /** Each tenant that waits has a turn in each round. */
  function checkRoom(tenant: string, hostId: string): void {
    const before = Math.min(all, ((waiting.get(tenant) ?? 0) + 1) * waiting.size)
    const waitMs = Math.round(before * turnMs)
    if (before < waitingMin || waitMs <= waitMsMax) return
    const attempted = `registering the host ${hostId}`
    throw transportError('REGISTRATIONS_WAIT', { attempted, received: `one more after ${before}`, waitMs })
  }

  function begin(): void {
    const nowNs = clock.monotonicNs()
    if (begunNs !== undefined) turnMs += (Number(nowNs - begunNs) / 1e6 - turnMs) * turn.newest
    begunNs = nowNs
  }

  return {
    take: async (tenant, hostId, work) => {
      checkRoom(tenant, hostId)
      add(tenant, 1)
      const end = await turns.take(tenant, hostId, 1)
      add(tenant, -1)
      begin()
      try {
        return await work()
      } finally {
        if (all === 0) begunNs = undefined
        end()
      }
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import { type Clock, createRate, type Log } from '@sealwatch/base'
import type { Body } from '@sealwatch/ledger'
import type { ServerVoice } from '../../identity/index.ts'
import type { Outbox, Store } from '../../store/index.ts'
import type { Door } from './bounds.ts'
import { type Threat, threatEvent, unwrittenEvent } from './threat-event.ts'

/** Why a threat has no line of its own: there were more than so many, or the database does not take it. */
export type Unwritten = 'many' | 'failed'

/** Of one tenant and door: strangers say how many threats there are, and each line is a write to the disk. */
export const lineLimits = { perSecond: 10, burst: 100, tenantsMax: 10_000 } as const
/** What is not told by the line of a later threat within this time has one of its own. */
const togetherMs = 60_000

/** Alerts of threats on their way into the ledgers. Those that do not get there are counted, and a later line says how many. */
export type ThreatLines = {
  /** The id of its line, which waits in the outbox when this resolves, or why there is none; never rejects. */
  write(door: Door, threat: Threat): Promise<{ readonly uid: string } | { readonly unwritten: Unwritten }>
  /** Since the start. */
  readonly unwritten: Readonly<Record<Unwritten, number>>
  /** Of which no line tells yet. */
  readonly untold: number
  /** The last one could not be written. */
  readonly isFailing: boolean
  /** Tells of what no later threat told, until the signal fires and a last time then. */
  run(signal: AbortSignal): Promise<void>
  forgetTenant(tenant: string): void
}

export function createThreatLines(options: {
  readonly store: Pick<Store, 'transaction'>
  readonly outbox: Pick<Outbox, 'enqueue' | 'ring'>
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}): ThreatLines {
  const { store, outbox, voice, clock, log } = options
  const { perSecond, burst, tenantsMax } = lineLimits
  const rate = createRate(clock, { perSecond, burst, keysMax: 2 * tenantsMax })
  const unwritten = { many: 0, failed: 0 }
  const untold = new Map<string, { times: number; readonly sinceMs: number }>()
  let isFailing = false

  function leaveOut(tenant: string, times: number): void {
    const known = untold.get(tenant)
    if (known === undefined) untold.set(tenant, { times, sinceMs: clock.nowMs() })
    else known.times += times
  }

  /** What is told with it, and is not kept, is to be told still. Undefined: it was not kept. */
  async function enter(tenant: string, bodyOf: (untold: number) => Body): Promise<string | undefined> {
    const told = untold.get(tenant)?.times ?? 0
    untold.delete(tenant)
    try {
      const uid = await store.transaction((tx) => outbox.enqueue(tx, tenant, bodyOf(told)))
      isFailing = false
      outbox.ring()
      return uid
    } catch (error) {
      if (told > 0) leaveOut(tenant, told)
      // Once, and not for each of a flood.
      if (!isFailing) log.error('threats in requests cannot be written down: they are counted', { tenant, error })
      isFailing = true
      return undefined
    }
  }

  async function tell(beforeMs: number): Promise<void> {
    for (const [tenant, { sinceMs }] of [...untold])
      if (sinceMs <= beforeMs) await enter(tenant, (before) => unwrittenEvent(voice, tenant, before, clock.nowNs()))
  }

  return {
    unwritten,
    get untold() {
      return untold.values().reduce((sum, { times }) => sum + times, 0)
    },
    get isFailing() {
      return isFailing
    },
    async write(door, threat) {
      const { tenant } = threat
      const isOne = rate.take(`${door} ${tenant}`) === 0
      const uid = isOne ? await enter(tenant, (before) => threatEvent(voice, threat, before)) : undefined
      if (uid !== undefined) return { uid }
      const why = isOne ? 'failed' : 'many'
      unwritten[why] += 1
      leaveOut(tenant, 1)
      return { unwritten: why }
    },
    async run(signal) {
      while (!signal.aborted) {
        await clock.sleep(togetherMs / 4, signal)
        await tell(clock.nowMs() - togetherMs)
      }
      await tell(Number.POSITIVE_INFINITY)
    },
    forgetTenant: (tenant) => void untold.delete(tenant),
  }
}

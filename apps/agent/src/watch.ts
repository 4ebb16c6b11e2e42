// SPDX-License-Identifier: Apache-2.0

import { type Clock, isSealwatchError, type Log } from '@sealwatch/base'
import type { EventDraft, ObservedEvent } from '@sealwatch/contract'
import type { Journal, QueueLimits } from './journal/journal.ts'
import {
  consume,
  openAccount,
  type SensorAccount,
  type Since,
  tellShed,
  updateAccount,
} from './journal/sensor-account.ts'
import { type Sheddable, sheddableAs } from './journal/shed-order.ts'
import type { ShedTally } from './journal/shed-tally.ts'
import type { RecordContext } from './observe/context.ts'
import { sensorAttached, sensorLost } from './observe/lifecycle.ts'
import { dropRecord, gapRecord, shedRecord } from './observe/loss.ts'
import { blindSpotsOf } from './observe/modes.ts'
import { type ObserveContext, observe } from './observe/observe.ts'
import { remembered } from './observe/remembered.ts'
import { isForGuard, type SensorHello, type SensorMessage, type SensorReport } from './sources/observation.ts'
import type { SensorConnection } from './sources/sensor-socket.ts'
import { createUnreadEstimate } from './sources/unread.ts'

export type WatchState = {
  hello: SensorHello | undefined
  connected: boolean
  account: SensorAccount | undefined
  gaps: number
}

export type WatchOptions = {
  readonly connections: AsyncIterable<SensorConnection>
  /** Of this machine's tenant: everything seen, and what could not be seen. */
  readonly journal: Journal
  /** Of the tenant `cluster`: the lives of agent and sensor. */
  readonly clusterJournal: Journal
  /** Fills the memory behind the context with what these messages need; does not take long. */
  readonly prepare: (messages: readonly SensorMessage[]) => Promise<void>
  /** What the journal shed, and what is shed here. */
  readonly tally: ShedTally
  /** Once so many frames wait unread, what may be shed is not made into events. Read anew each time. */
  readonly limits: Pick<QueueLimits, 'maxQueueDepth'>
  readonly context: () => ObserveContext
  readonly clusterContext: () => RecordContext
  readonly onChange: (change: Extract<SensorMessage, { kind: 'file_change' }>) => void
  /** CLOCK_BOOTTIME as a message that was just read tells it: now, or a little before. */
  readonly onBootTime: (bootNs: bigint) => void
  /** Whether the host was just told another watch list, for which the sensor begins anew; says so once. */
  readonly takeNewList: () => boolean
  readonly state: WatchState
  readonly bootId: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** A sensor that ends while the whole host agent is being stopped is not lost. */
const lossPatienceMs = 300
/** An idle machine still seals a head at this interval, so that an unknown interval is never longer than it must be. */
const idleSealMs = 60_000

/** Turns what the sensor says into sealed events, connection by connection, until the signal fires. */
export async function watch(options: WatchOptions): Promise<void> {
  const { connections, journal, clusterJournal, tally, limits, context, clusterContext } = options
  const { state, bootId, clock, log, signal } = options
  let since: Since = 'agent_restarted'
  let sealedAtMs = clock.nowMs()
  let unread = 0

  const bootNs = () => clock.nowNs() - context().bootOffsetNs
  const unixNs = ({ timeNs }: SensorMessage) => timeNs + context().bootOffsetNs
  const seal = (draft: EventDraft, shed?: Sheddable) => {
    journal.add(draft, shed)
    sealedAtMs = clock.nowMs()
  }

  function warnOfBlindSpots({ modes }: SensorHello): void {
    const unseen = blindSpotsOf(modes)
    if (unseen.length > 0) log.warn('the sensor watches without BPF (docs/fallbacks.md)', { modes, unseen })
  }

  /** What a policy denies is never shed. */
  function sealUnlessShed(draft: EventDraft<ObservedEvent>, shed: Sheddable): void {
    if (draft.event.policy !== undefined) seal(draft)
    else if (journal.makeRoom(shed)) seal(draft, shed)
  }

  /** In one record as long as sealing takes long, or cannot go on. */
  function tell(timeNs: bigint): void {
    const { account } = state
    if (account === undefined || tally.isTold) return
    state.account = tellShed(account, (site) => tally.untold(account.era, site))
    seal(shedRecord(timeNs, tally.tell(clock.nowNs(), journal.depth), context()))
  }

  /** What a source lost and could not count. */
  function tellOverflow({ timeNs, sinceNs, site }: Extract<SensorMessage, { kind: 'overflow' }>): void {
    const { account } = state
    if (account === undefined) return
    const { bootOffsetNs } = context()
    const known = { era: account.era, counts: account.counts }
    const interval = { fromNs: sinceNs + bootOffsetNs, toNs: timeNs + bootOffsetNs }
    state.gaps += 1
    const gap = { ...interval, cause: 'queue_overflow', site, before: known, after: known, lost: null } as const
    seal(gapRecord(timeNs, gap, context()))
  }

  function takeEvent(message: Exclude<SensorMessage, SensorHello | SensorReport>, { era }: SensorAccount): void {
    const observing = context()
    // The guard judges it; a sensor tells it nobody else.
    if (isForGuard(message)) return
    if (message.kind === 'overflow') {
      tellOverflow(message)
      return
    }
    const observed = remembered(message, observing.processes)
    observing.processes.learn(observed)
    if (observed.kind === 'file_change') options.onChange(observed)
    // Consumed, and counted so in the head of the next batch; what the child does and its end are sealed.
    if (observed.kind === 'fork') return
    const kind = sheddableAs(message)
    const shed = kind && { kind, site: message.site, era, timeNs: unixNs(message) }
    if (shed !== undefined && unread >= limits.maxQueueDepth) tally.count(shed)
    else if (shed === undefined) seal(observe(observed, observing))
    else if (observing.policies.length === 0) journal.makeRoom(shed) && seal(observe(observed, observing), shed)
    else sealUnlessShed(observe(observed, observing), shed)
  }

  function take(message: SensorMessage): void {
    if (message.kind === 'hello' || message.kind === 'report') options.onBootTime(message.timeNs)
    if (message.kind === 'hello') {
      // From the first head on nothing is lost uncounted.
      if (state.account === undefined) journal.add(undefined)
      const opened = openAccount(state.account, message, { timeNs: unixNs(message), bootId, since })
      state.account = opened.account
      state.hello = message
      warnOfBlindSpots(message)
      clusterJournal.add(sensorAttached(message, clusterContext()))
      if (opened.gap !== undefined) {
        state.gaps += 1
        seal(gapRecord(message.timeNs, opened.gap, context()))
      }
      return
    }
    // The protocol puts a hello first; the decoder holds it to that.
    if (state.account === undefined) return
    if (message.kind === 'report') {
      const updated = updateAccount(state.account, message, unixNs(message))
      state.account = updated.account
      if (updated.drop !== undefined) seal(dropRecord(message.timeNs, updated.drop, context()))
      if (updated.gap !== undefined) {
        state.gaps += 1
        seal(gapRecord(message.timeNs, updated.gap, context()))
      }
      if (!journal.isHeldUp) tell(message.timeNs)
      return
    }
    const { times = 0, lastNs = message.timeNs } = message.again ?? {}
    state.account = consume(state.account, message.site, lastNs + context().bootOffsetNs, 1 + times)
    takeEvent(message, state.account)
  }

  for await (const connection of connections) {
    let cause = 'it closed the connection'
    state.connected = true
    try {
      const estimate = createUnreadEstimate()
      for await (const messages of connection) {
        unread = estimate(messages, clock.monotonicNs())
        await options.prepare(
          unread < limits.maxQueueDepth ? messages : messages.filter((message) => sheddableAs(message) === undefined),
        )
        for (const message of messages) take(message)
        if (clock.nowMs() - sealedAtMs > idleSealMs) {
          journal.add(undefined)
          sealedAtMs = clock.nowMs()
        }
        await journal.room()
      }
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      cause = error.message
      log.error('the sensor sent what nobody can read', { error })
    }
    state.connected = false
    const isTold = options.takeNewList()
    if (isTold) cause = 'it begins anew, to watch what the server told it'
    since = isTold ? 'told' : 'agent_lived'
    await clock.sleep(lossPatienceMs, signal)
    if (signal.aborted) break
    log.warn('the sensor is gone', { cause })
    clusterJournal.add(sensorLost({ timeNs: bootNs(), cause, isTold }, clusterContext()))
  }
  tell(bootNs())
}

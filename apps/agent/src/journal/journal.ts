// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, isSealwatchError, type JsonObject, type Log } from '@sealwatch/base'
import type { Chain, Draft } from '@sealwatch/ledger/chain'
import { createQueue, type Waiting } from './queue.ts'
import type { Sheddable } from './shed-order.ts'

/** Brings drafts onto one chain in their order, many in one durable append. */
export type Journal = {
  /** How many wait to be sealed, with those of which the append is under way. */
  readonly depth: number
  /** Nothing can be sealed: the disk or the chain is full. */
  readonly isStalled: boolean
  /** An append takes long, or nothing can be sealed. */
  readonly isHeldUp: boolean
  /** Whether an event of this kind is to be made at all; where it is not, or another gives way for it, that is told. */
  makeRoom(shed: Sheddable): boolean
  /** Takes a draft; without one a head alone is sealed. With `shed` it may give way later. */
  add(draft: Draft | undefined, shed?: Sheddable): void
  /**
   * Resolves when whoever produces may go on. Where sealing takes long, or cannot go on for lack of room, that is at once as
   * long as there is anything that can give way, or room for what cannot. Never once the outcome of a write is unknown.
   */
  room(): Promise<void>
  /** Resolves when all that was added before is sealed. */
  flushed(): Promise<void>
  /** Closes epochs when they are due, and when nothing happened for `idleMs`, until the signal fires. */
  keepEpochs(idleMs: number, signal: AbortSignal): Promise<void>
  /** Closes the epoch now; where there is no room for that, the next start does it. */
  closeEpoch(): Promise<void>
}

export type QueueLimits = {
  /** Once so many of a watcher wait, it waits as well, as long as sealing goes on: what is sealed at a time is hardly more. */
  readonly watcherBuffer: number
  /** Once so many wait, what may be shed gives way. */
  readonly maxQueueDepth: number
}
export const queueLimitsDefault: QueueLimits = { watcherBuffer: 1_000, maxQueueDepth: 4_000 }

export type JournalOptions = {
  readonly chain: () => Chain
  readonly clock: Clock
  readonly log: Log
  /** Read anew each time: they may change while it runs. */
  readonly limits?: QueueLimits
  /** What comes is sealed when it comes, and shares a head only with what came while another was written. */
  readonly atOnce?: boolean
  /** The sensor's account as of everything that was added. */
  readonly sensor?: () => JsonObject | undefined
  readonly onShed?: (shed: Sheddable) => void
  /** Fires when sealing cannot go on: the outcome of a write is unknown. */
  readonly onFatal: (error: unknown) => void
}

/**
 * What comes within this time shares a head and a disk write: the first after a rest waits briefly, what goes on coming
 * longer, for a head takes its two signatures, a sync of the disk and an answer of the server however few events it is over.
 */
const gatherMs = { first: 20, next: 100 } as const
const retryMs = 1_000
/** An append that takes longer holds nobody up: the kernel's ring is full soon, and drops whatever comes. */
const patienceMs = 100
/** Without a reason an abort makes an error, and its stack, which takes longer than what it ends. */
const noReason = 'over'
/** How often somebody looks whether an epoch is due. */
const epochStepMs = 1_000

export function createJournal(options: JournalOptions): Journal {
  const {
    chain,
    clock,
    log,
    limits = queueLimitsDefault,
    atOnce = false,
    sensor = () => undefined,
    onShed,
    onFatal,
  } = options
  const queue = createQueue(limits, (shed) => onShed?.(shed))
  const turned = createBell()
  const hurry = createBell()
  let isAwaited = false
  let sealedNs: bigint | undefined
  let sealing: Promise<void> | undefined
  /** Of the append that is under way. */
  let appending: { readonly count: number; readonly sinceNs: bigint } | undefined
  let headDue = false
  let full = false
  let isOver = false
  let epochFull = false

  /** Over at once when a producer is about to wait for us, or somebody waits for all to be sealed. */
  async function gather(): Promise<void> {
    if (atOnce || queue.size >= limits.watcherBuffer / 2 || isAwaited) return
    const restedMs = sealedNs === undefined ? gatherMs.next : Number((clock.monotonicNs() - sealedNs) / 1_000_000n)
    const ms = Math.max(gatherMs.first, gatherMs.next - restedMs)
    const over = new AbortController()
    await Promise.race([clock.sleep(ms, over.signal), hurry.wait(over.signal)])
    over.abort(noReason)
  }

  async function seal(): Promise<void> {
    while (queue.size > 0 || headDue) {
      await gather()
      const taken = queue.takeAll()
      headDue = false
      appending = { count: taken.length, sinceNs: clock.monotonicNs() }
      const isSealed = await sealDurably(taken)
      appending = undefined
      sealedNs = clock.monotonicNs()
      if (!isSealed) {
        queue.putBack(taken)
        headDue = true
      }
      turned.ring()
      if (!isSealed) await clock.sleep(retryMs)
    }
    sealing = undefined
  }

  /** A full disk or a full chain is no loss: what is here waits, and what cannot come in is counted. */
  async function sealDurably(taken: readonly Waiting[]): Promise<boolean> {
    try {
      const drafts = taken.map(({ draft }) => draft)
      await chain().seal(drafts, sensor())
      if (full) log.info('events are sealed again')
      full = false
    } catch (error) {
      if (!isSealwatchError(error) || error.kind !== 'exhausted') throw error
      if (!full) log.critical('events cannot be sealed and wait', { error, waiting: taken.length + queue.size })
      full = true
    }
    return !full
  }

  const heldMs = () => (appending === undefined ? 0 : Number((clock.monotonicNs() - appending.sinceNs) / 1_000_000n))
  const isHeldUp = () => full || heldMs() >= patienceMs

  /** As long as the sealing in progress may be waited for. */
  async function room(): Promise<void> {
    while (queue.size >= limits.watcherBuffer && sealing !== undefined) {
      if (isOver) return new Promise(() => undefined)
      const mayGoOn = queue.kept < limits.maxQueueDepth
      if (mayGoOn && isHeldUp()) return
      const over = new AbortController()
      const patience = mayGoOn ? [clock.sleep(patienceMs - heldMs(), over.signal)] : []
      await Promise.race([turned.wait(over.signal), ...patience])
      over.abort(noReason)
    }
  }

  /** The process is about to end: whoever waits would otherwise ask again and again, and let nothing else come to its turn. */
  function stopped(error: unknown): Promise<never> {
    isOver = true
    onFatal(error)
    return new Promise(() => undefined)
  }

  async function closeEpoch(): Promise<void> {
    try {
      await chain().closeEpoch()
      epochFull = false
    } catch (error) {
      if (!isSealwatchError(error) || error.kind !== 'exhausted') throw error
      if (!epochFull) log.critical('an epoch cannot be closed and stays open', { error })
      epochFull = true
    }
  }

  async function keepEpochs(idleMs: number, signal: AbortSignal): Promise<void> {
    let lookedNs = clock.monotonicNs()
    let number = chain().position.epoch?.number
    while (!signal.aborted) {
      await clock.sleep(epochStepMs, signal)
      const { position, epochDueNs } = chain()
      const nowNs = clock.monotonicNs()
      if (position.epoch?.number !== number) {
        number = position.epoch?.number
        lookedNs = nowNs
      }
      const isIdle = epochDueNs === undefined && nowNs - lookedNs >= BigInt(idleMs) * 1_000_000n
      if (signal.aborted || !(isIdle || (epochDueNs !== undefined && nowNs >= epochDueNs))) continue
      await closeEpoch()
      number = chain().position.epoch?.number
      lookedNs = nowNs
    }
  }

  return {
    closeEpoch,
    keepEpochs: (idleMs, signal) => keepEpochs(idleMs, signal).catch(onFatal),
    get depth() {
      return queue.size + (appending?.count ?? 0)
    },
    get isStalled() {
      return full
    },
    get isHeldUp() {
      return isHeldUp()
    },
    makeRoom: (shed) => {
      const isThere = queue.makeRoom(shed)
      if (!isThere) onShed?.(shed)
      return isThere
    },
    add: (draft, shed) => {
      if (draft === undefined) headDue = true
      else {
        queue.makeRoom(undefined)
        queue.push({ draft, shed })
        if (queue.size === Math.ceil(limits.watcherBuffer / 2)) hurry.ring()
      }
      sealing ??= seal().catch(stopped)
    },
    room,
    flushed: async () => {
      isAwaited = true
      hurry.ring()
      while (sealing !== undefined) await sealing
      isAwaited = false
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import { type Clock, isSealwatchError, type JsonObject, type Log } from '@sealwatch/base'
import type { Chain, Draft } from '@sealwatch/ledger'

/** Brings drafts onto one chain in their order, many in one durable append. */
export type Journal = {
  /** How many wait to be sealed. */
  readonly depth: number
  /** Nothing can be sealed: the disk or the chain is full. */
  readonly isStalled: boolean
  /** Takes a draft, and the sensor's account as of it; without a draft a head alone is sealed. */
  add(draft: Draft | undefined, sensor?: JsonObject): void
  /** Resolves when there is room for more: whoever produces waits for it. Never once sealing cannot go on. */
  room(): Promise<void>
  /** Resolves when all that was added before is sealed. */
  flushed(): Promise<void>
  /** Closes epochs when they are due, and when nothing happened for `idleMs`, until the signal fires. */
  keepEpochs(idleMs: number, signal: AbortSignal): Promise<void>
  /** Closes the epoch now; where there is no room for that, the next start does it. */
  closeEpoch(): Promise<void>
}

export type JournalOptions = {
  readonly chain: () => Chain
  readonly clock: Clock
  readonly log: Log
  /** Fires when sealing cannot go on: the outcome of a write is unknown. */
  readonly onFatal: (error: unknown) => void
}

/** Once so many wait, producers wait as well: what is sealed at a time is hardly more. */
export const waitingMax = 1_000
/** What comes within this time shares a head and a disk write. */
const gatherMs = 20
const retryMs = 1_000
/** How often somebody looks whether an epoch is due. */
const epochStepMs = 1_000

export function createJournal({ chain, clock, log, onFatal }: JournalOptions): Journal {
  let waiting: Draft[] = []
  let sensor: JsonObject | undefined
  let sealing: Promise<void> | undefined
  let headDue = false
  let full = false
  let epochFull = false

  async function seal(): Promise<void> {
    await clock.sleep(gatherMs)
    while (waiting.length > 0 || headDue) {
      const drafts = waiting
      const state = sensor
      waiting = []
      headDue = false
      await sealDurably(drafts, state)
    }
    sealing = undefined
  }

  /** A full disk or a full chain is no loss: what is here waits, and what cannot come in is counted by the sensor. */
  async function sealDurably(drafts: readonly Draft[], state: JsonObject | undefined): Promise<void> {
    for (;;) {
      try {
        await chain().seal(drafts, state)
        if (full) log.info('events are sealed again')
        full = false
        return
      } catch (error) {
        if (!isSealwatchError(error) || error.kind !== 'exhausted') throw error
        if (!full) log.critical('events cannot be sealed and wait', { error, waiting: drafts.length + waiting.length })
        full = true
        await clock.sleep(retryMs)
      }
    }
  }

  /** The process is about to end: whoever waits would otherwise ask again and again, and let nothing else come to its turn. */
  function stopped(error: unknown): Promise<never> {
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
      return waiting.length
    },
    get isStalled() {
      return full
    },
    add: (draft, state) => {
      if (draft === undefined) headDue = true
      else waiting.push(draft)
      sensor = state ?? sensor
      sealing ??= seal().catch(stopped)
    },
    room: async () => {
      while (waiting.length >= waitingMax && sealing !== undefined) await sealing
    },
    flushed: async () => {
      while (sealing !== undefined) await sealing
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** A process of the simulated world. When it has ended, nothing it waits for ever comes, and nothing it does counts. */
export type Life = {
  readonly name: string
  readonly ended: boolean
  /** Calls back when the process ends, or at once when it has. */
  onEnd(act: () => void): void
  end(): void
}

/** Thrown into synchronous code of a process that has ended meanwhile. */
export class Ended extends Error {}

/** All that is left to chance, and all waiting: one seed gives one order of everything. */
export type Scheduler = {
  /** From 0 up to, not including, 1. */
  random(): number
  /** A whole number below `n`. */
  below(n: number): number
  /** True once in `n` times. */
  oneIn(n: number): boolean
  /** Resolves at some moment, among everything else that waits; never when the process ends before. */
  turn(life: Life): Promise<void>
  /** Resolves when the simulated time has come, or the signal fires. */
  sleep(life: Life, ms: number, signal?: AbortSignal): Promise<void>
  /** Lets one thing happen. False when nothing is waiting. */
  step(): Promise<boolean>
  /** Simulated milliseconds since the start. */
  readonly elapsedMs: number
}

type Waiting = { readonly life: Life; readonly go: () => void }
type Timer = Waiting & { readonly atMs: number; readonly order: number }

export function createLife(name: string): Life {
  let acts: (() => void)[] = []
  let ended = false
  return {
    name,
    get ended() {
      return ended
    },
    onEnd(act) {
      if (ended) act()
      else acts.push(act)
    },
    end() {
      ended = true
      const due = acts
      acts = []
      for (const act of due) act()
    },
  }
}

/** Everything that can go on without us has gone on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

export function createScheduler(seed: number): Scheduler {
  const random = seededRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  let turns: Waiting[] = []
  let timers: Timer[] = []
  let elapsedMs = 0
  let orders = 0

  function takeTimer(): Timer | undefined {
    timers = timers.filter(({ life }) => !life.ended)
    const first = timers.reduce<Timer | undefined>(
      (best, timer) =>
        best === undefined || timer.atMs < best.atMs || (timer.atMs === best.atMs && timer.order < best.order)
          ? timer
          : best,
      undefined,
    )
    if (first !== undefined) timers.splice(timers.indexOf(first), 1)
    return first
  }

  return {
    random,
    below,
    oneIn: (n) => below(n) === 0,
    get elapsedMs() {
      return elapsedMs
    },
    turn: (life) =>
      new Promise((resolve) => {
        if (!life.ended) turns.push({ life, go: resolve })
      }),
    sleep: (life, ms, signal) =>
      new Promise((resolve) => {
        if (life.ended) return
        if (signal?.aborted === true) return resolve()
        const wake = () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        const timer: Timer = { life, go: wake, atMs: elapsedMs + Math.max(0, ms), order: orders++ }
        const abort = () => {
          timers = timers.filter((other) => other !== timer)
          if (!life.ended) resolve()
        }
        timers.push(timer)
        signal?.addEventListener('abort', abort, { once: true })
      }),
    step: async () => {
      turns = turns.filter(({ life }) => !life.ended)
      // Now and then time passes while something is still under way: a slow disk, a slow network.
      const next = turns.length === 0 || below(50) === 0 ? takeTimer() : undefined
      if (next !== undefined) elapsedMs = Math.max(elapsedMs, next.atMs)
      const chosen = next ?? turns.splice(below(turns.length), 1)[0]
      if (chosen === undefined) return false
      chosen.go()
      await settled()
      return true
    },
  }
}

/** Where the simulation begins: 2026-11-21T00:00:00Z. */
export const epochMs = Date.UTC(2026, 10, 21)

/** The clock of one machine, as one of its processes sees it; `offset` is moved by whoever sets the machine's clock. */
export function createSimClock(scheduler: Scheduler, life: Life, machine: { offsetMs: number }): Clock {
  const nowMs = () => epochMs + Math.floor(scheduler.elapsedMs + machine.offsetMs)
  return {
    nowMs,
    nowNs: () => BigInt(nowMs()) * 1_000_000n,
    monotonicNs: () => BigInt(Math.floor(scheduler.elapsedMs * 1e6)),
    sleep: (ms, signal) => scheduler.sleep(life, ms, signal),
  }
}

/** mulberry32: small, and the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

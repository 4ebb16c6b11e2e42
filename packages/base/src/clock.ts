// SPDX-License-Identifier: Apache-2.0

import { hrtime } from 'node:process'
import { toBeat } from './beat.ts'

/** Time and waiting, passed in so that a test or a simulation owns them. */
export type Clock = {
  /** Unix time in milliseconds. */
  nowMs(): number
  /** Unix time in nanoseconds, at the resolution the machine offers. */
  nowNs(): bigint
  /** Monotonic nanoseconds from an arbitrary start. */
  monotonicNs(): bigint
  /**
   * Resolves after `ms`, or at once when the signal fires; never rejects. 0: after what else waits had a turn. Half a second and
   * more may be an eighth of a second more or less.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

const stepMs = 50
let originMs = performance.timeOrigin

/** The fine clock runs from the start of the process: when the wall clock was set or the machine slept, it follows. */
function fineMs(): number {
  const wallMs = Date.now()
  if (Math.abs(originMs + performance.now() - wallMs) > stepMs) originMs = wallMs - performance.now()
  return originMs + performance.now()
}

const clockOf = (hold: (timer: Held) => void): Clock => ({
  nowMs: () => Date.now(),
  nowNs: () => BigInt(Math.round(fineMs() * 1000)) * 1000n,
  monotonicNs: () => hrtime.bigint(),
  // Those of node:timers/promises reject when the signal fires, with an error and its stack that nobody reads.
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const cancel = later(toBeat(ms, Number(hrtime.bigint() / 1_000_000n)), end, hold)
      function end(): void {
        cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      signal?.addEventListener('abort', end)
    }),
})

type Held = { unref(): unknown }

export const systemClock = clockOf(() => undefined)
/** The same, for what runs in a service of somebody else's: whoever sleeps by it keeps no process alive. */
export const idleClock = clockOf((timer) => timer.unref())

/** A timer takes a millisecond at least. */
function later(ms: number, work: () => void, hold: (timer: Held) => void): () => void {
  if (ms === 0) {
    const turn = setImmediate(work)
    hold(turn)
    return () => clearImmediate(turn)
  }
  const timer = setTimeout(work, ms)
  hold(timer)
  return () => clearTimeout(timer)
}

// SPDX-License-Identifier: Apache-2.0

import { hrtime } from 'node:process'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'

/** Time and waiting, passed in so that a test or a simulation owns them. */
export type Clock = {
  /** Unix time in milliseconds. */
  nowMs(): number
  /** Unix time in nanoseconds, at the resolution the machine offers. */
  nowNs(): bigint
  /** Monotonic nanoseconds from an arbitrary start. */
  monotonicNs(): bigint
  /** Resolves after `ms`, or at once when the signal fires; never rejects. 0: after what else waits had a turn. */
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

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  nowNs: () => BigInt(Math.round(fineMs() * 1000)) * 1000n,
  monotonicNs: () => hrtime.bigint(),
  sleep: async (ms, signal) => {
    const options = signal === undefined ? {} : { signal }
    // A timer takes a millisecond at least.
    await (ms === 0 ? turn(undefined, options) : delay(ms, undefined, options)).catch(() => undefined)
  },
}

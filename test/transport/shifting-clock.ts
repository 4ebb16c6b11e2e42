// SPDX-License-Identifier: Apache-2.0

import { type Clock, systemClock } from '@sealwatch/base'

/** The system's time, moved ahead at will: whoever sleeps past the new time wakes. */
export function shiftingClock(): Clock & { advance(ms: number): void } {
  let aheadMs = 0
  let moved = new AbortController()
  const nowMs = () => systemClock.nowMs() + aheadMs
  return {
    nowMs,
    nowNs: () => systemClock.nowNs() + BigInt(aheadMs) * 1_000_000n,
    monotonicNs: () => systemClock.monotonicNs() + BigInt(aheadMs) * 1_000_000n,
    sleep: async (ms, signal) => {
      const untilMs = nowMs() + ms
      while (signal?.aborted !== true && nowMs() < untilMs)
        await systemClock.sleep(untilMs - nowMs(), signal ? AbortSignal.any([signal, moved.signal]) : moved.signal)
    },
    advance: (ms) => {
      aheadMs += ms
      const woken = moved
      moved = new AbortController()
      woken.abort()
    },
  }
}

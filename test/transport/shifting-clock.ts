// SPDX-License-Identifier: Apache-2.0

import { type Clock, systemClock } from '@sealwatch/base'

/** The system's time, moved ahead at will: whoever sleeps past the new time wakes. `setBack`: the wall clock alone is. */
export function shiftingClock(): Clock & { advance(ms: number): void; setBack(ms: number): void } {
  let aheadMs = 0
  let behindMs = 0
  let moved = new AbortController()
  const nowMs = () => systemClock.nowMs() + aheadMs - behindMs
  const goneMs = () => Number(systemClock.monotonicNs() / 1_000_000n) + aheadMs
  return {
    nowMs,
    nowNs: () => systemClock.nowNs() + BigInt(aheadMs - behindMs) * 1_000_000n,
    monotonicNs: () => systemClock.monotonicNs() + BigInt(aheadMs) * 1_000_000n,
    sleep: async (ms, signal) => {
      const untilMs = goneMs() + ms
      while (signal?.aborted !== true && goneMs() < untilMs)
        await systemClock.sleep(untilMs - goneMs(), signal ? AbortSignal.any([signal, moved.signal]) : moved.signal)
    },
    setBack: (ms) => {
      behindMs += ms
    },
    advance: (ms) => {
      aheadMs += ms
      const woken = moved
      moved = new AbortController()
      woken.abort()
    },
  }
}

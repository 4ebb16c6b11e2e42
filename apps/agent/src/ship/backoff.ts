// SPDX-License-Identifier: Apache-2.0

export const backoffMs = { min: 100, max: 10_000 } as const

/** How long to wait before the next attempt. */
export type Backoff = {
  /** Milliseconds, with full jitter over a range that doubles at each call up to `backoffMs.max`. */
  nextMs(): number
  /** After progress: the next failure is the first again. */
  reset(): void
}

/** `random` returns a number from 0 up to, not including, 1. */
export function createBackoff(random: () => number): Backoff {
  let rangeMs = 2 * backoffMs.min
  return {
    nextMs() {
      const ms = backoffMs.min + random() * (rangeMs - backoffMs.min)
      rangeMs = Math.min(2 * rangeMs, backoffMs.max)
      return ms
    },
    reset() {
      rangeMs = 2 * backoffMs.min
    },
  }
}

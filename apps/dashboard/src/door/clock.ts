// SPDX-License-Identifier: Apache-2.0

/** The browser's time, in one place; models are given what they need of it. */
export type Clock = {
  nowMs(): number
  /** Calls once, later; the answer calls it off. */
  after(ms: number, then: () => void): () => void
}

export const browserClock: Clock = {
  nowMs: () => window.performance.timeOrigin + window.performance.now(),
  after: (ms, then) => {
    const timer = window.setTimeout(then, ms)
    return () => window.clearTimeout(timer)
  },
}

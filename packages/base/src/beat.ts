// SPDX-License-Identifier: Apache-2.0

const coarseMs = 500
const beatMs = 250

/**
 * How long to sleep in the place of `ms`, both in milliseconds. Long sleeps end on a beat, which is the same for all processes of a
 * machine: one waking, in the place of one for each that looks now and then. `nowMs` is monotonic time.
 */
export function toBeat(ms: number, nowMs: number): number {
  return ms < coarseMs ? ms : Math.round((nowMs + ms) / beatMs) * beatMs - nowMs
}

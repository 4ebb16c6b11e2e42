// SPDX-License-Identifier: Apache-2.0

/** Between tries that failed: at least that long, at most that long, and doubling from the base (full jitter). */
export const backoffMs = { min: 100, base: 500, max: 60_000 } as const
/** What a control plane may ask for. */
export const retryAfterMsMax = 3_600_000

/**
 * How long to wait after `failures` tries in a row that failed: anywhere below a bound that doubles, so that a thousand
 * that were cut off together do not come back together; and never less than the control plane asked for.
 */
export function waitMs(failures: number, retryAfterMs: number | undefined, random: () => number): number {
  const bound = Math.min(backoffMs.max, backoffMs.base * 2 ** Math.min(failures - 1, 30))
  const jitter = Math.max(backoffMs.min, random() * bound)
  const asked = Math.min(retryAfterMsMax, retryAfterMs ?? 0)
  return Math.round(asked + jitter)
}

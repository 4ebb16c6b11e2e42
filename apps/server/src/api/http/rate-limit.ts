// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

export type RateLimit = {
  /** Seconds to wait; 0: go on, and it counts. */
  take(key: string): number
}

/** Token buckets, one for each key that was heard of lately. A key that is forgotten begins anew with a full one. */
export function createRateLimit(options: {
  readonly perSecond: number
  readonly burst: number
  readonly keysMax: number
  readonly clock: Clock
}): RateLimit {
  const { perSecond, burst, keysMax, clock } = options
  const buckets = new Map<string, { left: number; atNs: bigint }>()
  return {
    take(key) {
      const atNs = clock.monotonicNs()
      const bucket = buckets.get(key) ?? { left: burst, atNs }
      const left = Math.min(burst, bucket.left + (Number(atNs - bucket.atNs) / 1e9) * perSecond)
      // The newest last: those that were not heard of for longest go first.
      buckets.delete(key)
      if (buckets.size >= keysMax) buckets.delete(buckets.keys().next().value as string)
      buckets.set(key, { left: left < 1 ? left : left - 1, atNs })
      return left < 1 ? (1 - left) / perSecond : 0
    },
  }
}

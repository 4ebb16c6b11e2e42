// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** A bucket a caller: `perMinute` drops a minute, of which a tenth, and at least ten, may be taken at once. */
export function createRate(clock: Clock): { take(name: string, perMinute: number): boolean } {
  const buckets = new Map<string, { drops: number; atNs: bigint }>()
  return {
    take: (name, perMinute) => {
      const nowNs = clock.monotonicNs()
      const most = Math.max(10, perMinute / 10)
      const { drops, atNs } = buckets.get(name) ?? { drops: most, atNs: nowNs }
      const filled = Math.min(most, drops + (Number(nowNs - atNs) * perMinute) / 60e9)
      const isLeft = filled >= 1
      buckets.set(name, { drops: isLeft ? filled - 1 : filled, atNs: nowNs })
      return isLeft
    },
  }
}

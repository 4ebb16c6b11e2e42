// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** How many lines a second each tenant may bring. */
export type LineQuota = {
  /**
   * Takes the lines of a batch; returns 0 where the tenant may bring them now, else the milliseconds until it may bring
   * any. A whole batch may pass what is left: the next ones wait the longer for it.
   */
  take(tenant: string, perSecond: number, lines: number): number
  forget(tenant: string): void
}

/** What a tenant may bring at once after a rest. */
const burstMs = 5_000

export function createLineQuota(clock: Clock): LineQuota {
  /** When all that a tenant was given will have been earned (GCRA, ITU-T I.371). */
  const earnedNs = new Map<string, bigint>()
  const burstNs = BigInt(burstMs) * 1_000_000n
  return {
    take: (tenant, perSecond, lines) => {
      const nowNs = clock.monotonicNs()
      let earned = earnedNs.get(tenant) ?? nowNs
      if (earned < nowNs) earned = nowNs
      const waitNs = earned - nowNs - burstNs
      if (waitNs > 0n) return Number(waitNs / 1_000_000n) + 1
      earnedNs.set(tenant, earned + BigInt(Math.ceil((lines * 1e9) / perSecond)))
      return 0
    },
    forget: (tenant) => void earnedNs.delete(tenant),
  }
}

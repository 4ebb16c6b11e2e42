// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** How many lines a second each tenant may bring. */
export type LineQuota = {
  /**
   * Takes the lines of a batch; returns 0 where the tenant may bring them now, else the milliseconds until it may bring
   * any. A whole batch may pass what is left: the next ones wait the longer for it.
   */
  take(tenant: string, perSecond: number, lines: number): number
  /** The same, of what is there already. */
  owe(tenant: string, perSecond: number, lines: number): void
  forget(tenant: string): void
}

/** What a tenant may bring at once after a rest. */
const tenantBurstMs = 5_000

export function createLineQuota(clock: Clock, burstMs = tenantBurstMs): LineQuota {
  /** When all that a tenant was given will have been earned (GCRA, ITU-T I.371). */
  const earnedNs = new Map<string, bigint>()
  const burstNs = BigInt(burstMs) * 1_000_000n
  function since(tenant: string, nowNs: bigint): bigint {
    const earned = earnedNs.get(tenant) ?? nowNs
    return earned < nowNs ? nowNs : earned
  }
  const add = (tenant: string, earned: bigint, perSecond: number, lines: number) =>
    earnedNs.set(tenant, earned + BigInt(Math.ceil((lines * 1e9) / perSecond)))
  return {
    take: (tenant, perSecond, lines) => {
      const nowNs = clock.monotonicNs()
      const earned = since(tenant, nowNs)
      const waitNs = earned - nowNs - burstNs
      if (waitNs > 0n) return Number(waitNs / 1_000_000n) + 1
      add(tenant, earned, perSecond, lines)
      return 0
    },
    owe: (tenant, perSecond, lines) => void add(tenant, since(tenant, clock.monotonicNs()), perSecond, lines),
    forget: (tenant) => void earnedNs.delete(tenant),
  }
}

// SPDX-License-Identifier: Apache-2.0

import type { SensorMessage } from './observation.ts'

/**
 * Estimates how many frames wait unread, in the socket and in the kernel's ring: as many as were produced since the newest
 * that was read, at the pace of those before it. `monotonicNs` is the time now, from any start.
 */
export function createUnreadEstimate(): (messages: readonly SensorMessage[], monotonicNs: bigint) => number {
  let newestNs: bigint | undefined
  // CLOCK_BOOTTIME stands still against the monotonic clock but for suspends, which bring them nearer: what is least is no age.
  let apartNs: bigint | undefined

  return (messages, monotonicNs) => {
    const last = messages.at(-1)
    if (last === undefined) return 0
    const { timeNs } = last
    const betweenNs = newestNs === undefined ? 0n : timeNs - newestNs
    newestNs = timeNs
    const distanceNs = monotonicNs - timeNs
    if (apartNs === undefined || distanceNs < apartNs) apartNs = distanceNs
    const ageNs = distanceNs - apartNs
    return betweenNs <= 0n ? 0 : (framesOf(messages) * Number(ageNs)) / Number(betweenNs)
  }
}

const framesOf = (messages: readonly SensorMessage[]): number =>
  messages.reduce((sum, message) => sum + 1 + (('again' in message && message.again?.times) || 0), 0)

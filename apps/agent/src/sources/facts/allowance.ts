// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

const secondNs = 1_000_000_000n

/** So much may be taken in a second, and `most` at once after a rest: takes the whole amount, or nothing and says false. */
export function createAllowance(clock: Clock, perSecond: number, most: number): (amount: number) => boolean {
  let left = most
  let countedNs = clock.monotonicNs()
  return (amount) => {
    const nowNs = clock.monotonicNs()
    left = Math.min(most, left + (Number(nowNs - countedNs) / Number(secondNs)) * perSecond)
    countedNs = nowNs
    if (amount > left) return false
    left -= amount
    return true
  }
}

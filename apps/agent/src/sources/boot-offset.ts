// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** How Unix time stands to CLOCK_BOOTTIME, in nanoseconds. */
export type BootOffset = {
  readonly ns: bigint
  /** A message that was just read, however late, and the time it carries. */
  hear(bootNs: bigint): void
}

/** Above the 10 ms to which /proc/uptime is read, so that the offset stands still as long as the clocks do. */
const forwardNs = 15_000_000n

/**
 * Whatever is read late makes Unix time look later than it is, so the lowest reading is the nearest, and only a reading that
 * is higher by more than the error of the best one tells that the clock was set forward.
 */
export function createBootOffset(clock: Clock, readBootNs: () => bigint): BootOffset {
  let ns = clock.nowNs() - readBootNs()
  return {
    get ns() {
      return ns
    },
    hear(bootNs) {
      const now = clock.nowNs()
      const own = readBootNs()
      const read = now - (own > bootNs ? own : bootNs)
      if (read < ns || read > ns + forwardNs) ns = read
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

/** Unix time that runs on though the clock of the machine is set back; set forward, it follows. */
export type ForwardTime = {
  nowMs(): number
  /** By the word of somebody else it is this late at least: the server signed something then. */
  atLeast(ms: number): void
}

/** `bootNs`: CLOCK_BOOTTIME, which nobody sets. */
export function createForwardTime(wallMs: () => number, bootNs: () => bigint): ForwardTime {
  let anchor = { ms: wallMs(), ns: bootNs() }
  const runningMs = () => anchor.ms + Number((bootNs() - anchor.ns) / 1_000_000n)
  return {
    nowMs: () => Math.max(wallMs(), runningMs()),
    atLeast(ms) {
      if (ms > runningMs()) anchor = { ms, ns: bootNs() }
    },
  }
}

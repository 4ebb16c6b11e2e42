// SPDX-License-Identifier: Apache-2.0

export const drillLimits = {
  reportBytes: 1024 * 1024,
  /** Runs of a tenant that are remembered, and reports of theirs that are kept. */
  runs: 200,
  reports: 20,
  /** A guard answers a drill in earnest no longer, whatever becomes of whoever runs it. */
  rehearsalNs: 300_000_000_000n,
  /** Ways to the memory that a drill goes, and passes. */
  waysMin: 10,
  /** A drill that was cut off keeps others out no longer than that. */
  heldNs: 20_000_000_000n,
} as const

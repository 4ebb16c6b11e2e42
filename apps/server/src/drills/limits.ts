// SPDX-License-Identifier: Apache-2.0

export const drillLimits = {
  reportBytes: 1024 * 1024,
  /** Runs of a tenant that are remembered, and reports of theirs that are kept. */
  runs: 200,
  reports: 20,
  /** A drill that was cut off keeps others out no longer than that. */
  heldNs: 20_000_000_000n,
} as const

// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import type { DrillReport } from '@sealwatch/ledger'

/** A server takes no longer one. */
const charsMax = 1024 * 1024
const outputShort = 500

/** In canonical form, as it is signed. What commands said is cut where it is too long as a whole. */
export function reportTextOf(report: DrillReport): string {
  const whole = canonicalize(report)
  if (whole.length <= charsMax) return whole
  const steps = report.steps.map((step) => ({
    ...step,
    commands: step.commands.map(({ command, output }) => ({ command, output: output.slice(0, outputShort) })),
  }))
  return canonicalize({ ...report, steps })
}

// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'

/** Whom the kernel ends first when memory runs out (proc_pid_oom_score_adj(5)): above -1000, which the kernel would never end, not even one that eats all of the machine's memory. */
export const oomScores = {
  supervisor: -900,
  sensor: -900,
  agent: -900,
  guard: -900,
  hands: -900,
  server: -500,
} as const

/** How many processes the kernel has ended for want of memory, of a group or of the machine. */
export function oomKills(): number {
  return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0)
}

// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import type { Libc } from '@sealwatch/base/libc'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

/** Ends with whoever started it, whatever becomes of that one, and also while it is stopped. */
export function endWith(parent: number, libc: Libc): void {
  libc.prctl('PR_SET_PDEATHSIG', PR_SET_PDEATHSIG, SIGKILL)
  // It was over before.
  if (process.ppid !== parent) process.exit(0)
}

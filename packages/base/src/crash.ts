// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { hardeningError } from './hardening/environment.ts'
import { attempt, type Hardening } from './hardening/hardening.ts'
import type { Log } from './log.ts'

// <linux/prctl.h>, <asm-generic/resource.h>, <asm-generic/signal.h>
const PR_SET_DUMPABLE = 4
const RLIMIT_CORE = 4
const SIGUSR1 = 10

/**
 * What a service leaves behind when it ends unexpectedly (LOG-5): a line in its log, which is scrubbed, in the place of
 * what node would print; and no core dump. Nor does anybody look into it while it runs (RIM-6). Call it when privileges
 * are dropped, which sets the flags anew. Throws DEBUGGER_OPEN.
 */
export function crashQuietly(log: Log): Hardening {
  if (process.getBuiltinModule('node:inspector').url() !== undefined)
    throw hardeningError('DEBUGGER_OPEN', { attempted: 'starting' })
  // Node would open a debugger, which reads and changes all there is.
  process.on('SIGUSR1', () => log.critical('SIGUSR1: somebody asked this process for a debugger, and gets none'))
  process.on('uncaughtException', (error) => {
    log.critical('this process met an error that nobody caught, and ends', { error })
    process.exit(1)
  })
  return attempt(
    {
      // Blocked since the start by --disable-sigusr1; from here on it is told.
      no_debugger: (libc) => libc.unblock(SIGUSR1),
      not_dumpable: (libc) => libc.prctl('PR_SET_DUMPABLE', PR_SET_DUMPABLE, 0),
      no_core_dumps: (libc) => libc.setrlimit('RLIMIT_CORE', RLIMIT_CORE, new Uint8Array(16)),
    },
    log,
  )
}

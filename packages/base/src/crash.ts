// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import type { Log } from './log.ts'

const libc = {
  prctl: { return: 'i32', arguments: ['i32', 'u64', 'u64', 'u64', 'u64'] },
  setrlimit: { return: 'i32', arguments: ['i32', 'buffer'] },
} as const
// <linux/prctl.h>, <asm-generic/resource.h>
const PR_SET_DUMPABLE = 4
const RLIMIT_CORE = 4

/**
 * What a service leaves behind when it ends unexpectedly (LOG-5): a line in its log, which is scrubbed, in the place of
 * what node would print; and no core dump. Call it when privileges are dropped, which sets the flags anew.
 */
export function crashQuietly(log: Log): void {
  if (!forbidCoreDumps()) log.warn('core dumps cannot be switched off: one would hold keys and personal values')
  // Node would open a debugger, which reads and changes all there is (RIM-6).
  process.on('SIGUSR1', () => log.critical('SIGUSR1: somebody asked this process for a debugger, and gets none'))
  process.on('uncaughtException', (error) => {
    log.critical('this process met an error that nobody caught, and ends', { error })
    process.exit(1)
  })
}

function forbidCoreDumps(): boolean {
  try {
    // Whoever imports this and does not call it has nothing to do with what node calls experimental, and is told nothing of it.
    const { functions, lib } = process.getBuiltinModule('node:ffi').dlopen('libc.so.6', libc)
    const none = functions.setrlimit(RLIMIT_CORE, new Uint8Array(16))
    const undumpable = functions.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n)
    lib.close()
    return none === 0 && undumpable === 0
  } catch {
    return false
  }
}

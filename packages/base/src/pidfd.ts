// SPDX-License-Identifier: Apache-2.0

import { closeSync } from 'node:fs'
import process from 'node:process'
import { CallFailed, openLibc } from './hardening/libc.ts'

/** A process as the kernel holds it: its number may become another's, this does not. */
export type Pidfd = {
  /** Whether it was there still: false, its parent has taken its end. Throws CallFailed, EPERM for one. */
  signal(number: number): boolean
  close(): void
}

// The same numbers on all architectures, <asm-generic/unistd.h>.
const calls = { send: 424, open: 434 } as const

/** Opens processes by number: undefined where there is none. Throws CallFailed where the kernel has no such thing: before Linux 5.3. */
export function openPidfds(): (pid: number) => Pidfd | undefined {
  const libc = openLibc()
  const unlessGone = (call: () => number): number | undefined => {
    try {
      return call()
    } catch (error) {
      if (error instanceof CallFailed && error.message.endsWith(': ESRCH')) return undefined
      throw error
    }
  }
  const open = (pid: number): Pidfd | undefined => {
    const fd = unlessGone(() => libc.syscall('pidfd_open', calls.open, pid, 0))
    return fd === undefined
      ? undefined
      : {
          signal: (number) =>
            unlessGone(() => libc.syscall('pidfd_send_signal', calls.send, fd, number, 0, 0)) !== undefined,
          close: () => closeSync(fd),
        }
  }
  open(process.pid)?.close()
  return open
}

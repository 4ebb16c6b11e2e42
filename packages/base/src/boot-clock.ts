// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { CallFailed, openLibc } from './hardening/libc.ts'

const clockGettime = { x64: 228, arm64: 113 } as const
const CLOCK_BOOTTIME = 7

/** CLOCK_BOOTTIME in nanoseconds: the clock of the kernel's events and of when processes began, which nobody sets. Throws CallFailed. */
export function openBootClock(): () => bigint {
  const { arch } = process
  if (arch !== 'x64' && arch !== 'arm64') throw new CallFailed(`nobody knows the system calls of ${arch}`)
  const libc = openLibc()
  // struct timespec
  const time = new BigInt64Array(2)
  const at = libc.pointerTo(new Uint8Array(time.buffer))
  return () => {
    libc.syscall('clock_gettime', clockGettime[arch], CLOCK_BOOTTIME, at)
    const [seconds = 0n, ns = 0n] = time
    return seconds * 1_000_000_000n + ns
  }
}

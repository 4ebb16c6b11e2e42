// SPDX-License-Identifier: Apache-2.0

import { closeSync, openSync, readSync } from 'node:fs'

const bytesMax = 64 * 1024
/** Serves all files read one after another; what is not touched of it is no memory. */
const buffer = Buffer.allocUnsafeSlow(bytesMax)

/**
 * A file of procfs or sysfs. The kernel writes it while it is read, so no disk is waited for, and by promises the same takes ten
 * times of the processor. Undefined: gone, closed to us, or too large.
 */
export function readProc(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r')
    try {
      for (let filled = 0; filled < bytesMax; ) {
        const bytes = readSync(fd, buffer, filled, bytesMax - filled, null)
        if (bytes === 0) return buffer.toString('latin1', 0, filled)
        filled += bytes
      }
      return undefined
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

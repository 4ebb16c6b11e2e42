// SPDX-License-Identifier: Apache-2.0

import { open } from 'node:fs/promises'

const firstBytes = 2_048
const bytesMax = 64 * 1024

/**
 * A small file of procfs, which tells no size: readFile would take 64 KiB of memory for each, and much more than it reads.
 * Undefined: gone, closed to us, or too large.
 */
export async function readSmall(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path)
    try {
      let buffer = Buffer.allocUnsafe(firstBytes)
      let filled = 0
      for (;;) {
        const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled)
        filled += bytesRead
        if (bytesRead === 0) return buffer.toString('latin1', 0, filled)
        if (filled < buffer.length) continue
        if (filled >= bytesMax) return undefined
        buffer = Buffer.concat([buffer], filled * 4)
      }
    } finally {
      await handle.close()
    }
  } catch {
    return undefined
  }
}

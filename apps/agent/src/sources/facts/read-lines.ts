// SPDX-License-Identifier: Apache-2.0

import { open } from 'node:fs/promises'

/**
 * Gives each line of a file as a piece of the buffer, which serves all files read one after another: nothing is left to be
 * collected. A line longer than the buffer is passed over.
 */
export async function readLines(
  path: string,
  buffer: Buffer,
  take: (bytes: Buffer, from: number, to: number) => void,
): Promise<void> {
  const handle = await open(path)
  try {
    let filled = 0
    let isCut = false
    for (;;) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled)
      if (bytesRead === 0) break
      const end = filled + bytesRead
      let start = 0
      for (let at = buffer.indexOf(10, 0); at >= 0 && at < end; at = buffer.indexOf(10, start)) {
        if (!isCut) take(buffer, start, at)
        isCut = false
        start = at + 1
      }
      buffer.copyWithin(0, start, end)
      filled = end - start
      if (filled < buffer.length) continue
      isCut = true
      filled = 0
    }
    if (filled > 0 && !isCut) take(buffer, 0, filled)
  } finally {
    await handle.close()
  }
}

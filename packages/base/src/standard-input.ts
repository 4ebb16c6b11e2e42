// SPDX-License-Identifier: Apache-2.0

import { readSync } from 'node:fs'

const [bytesMax, chunkBytes, pauseMs, pausesMax] = [1024 * 1024, 64 * 1024, 5, 6_000]

/**
 * All of standard input, by plain calls, for who may not begin anything else before. An end of it that does not block answers EAGAIN while
 * nothing has come yet, which readFileSync takes for a failure: it is asked again, for half a minute in all. Throws what
 * reading throws, and RangeError for more than a megabyte.
 */
export function readStandardInput(): Uint8Array {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (let pauses = 0; ; ) {
    const chunk = new Uint8Array(chunkBytes)
    const read = readOrWait(chunk, pauses < pausesMax)
    if (read === 0) return Buffer.concat(chunks)
    if (read === undefined) {
      pauses += 1
      continue
    }
    bytes += read
    if (bytes > bytesMax) throw new RangeError(`more than ${bytesMax} bytes on standard input`)
    chunks.push(chunk.subarray(0, read))
  }
}

/** Undefined: nothing had come, and a moment has passed. */
function readOrWait(into: Uint8Array, mayWait: boolean): number | undefined {
  try {
    return readSync(0, into)
  } catch (error) {
    if (!mayWait || (error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
    return undefined
  }
}

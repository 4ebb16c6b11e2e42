// SPDX-License-Identifier: Apache-2.0

import type { FileHandle } from 'node:fs/promises'

/** Fewer and larger reads than a stream makes by itself. */
export const fileChunkBytes = 1024 * 1024

/** A file from its beginning on. A chunk is good until the next is asked for: they share their memory. */
export async function* fileChunks(file: FileHandle): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(fileChunkBytes)
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield chunk.subarray(0, bytesRead)
  }
}

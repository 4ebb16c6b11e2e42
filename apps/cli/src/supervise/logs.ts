// SPDX-License-Identifier: Apache-2.0

import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs'

export const logBytesMax = 16 * 1024 * 1024
const tailBytes = 16 * 1024

/** Keeps a log and its predecessor within 32 MiB together; its writers hold it open in append mode. */
export function boundLog(path: string, bytesMax = logBytesMax): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= bytesMax) return
  copyFileSync(path, `${path}.1`)
  truncateSync(path, 0)
}

/** The last lines of a log, what happened before `since` (bytes) left out. */
export function tailOf(path: string, lines: number, since = 0): string[] {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const start = Math.max(since, size - tailBytes)
  if (size <= start) return []
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(size - start)
    readSync(fd, bytes, 0, bytes.length, start)
    return bytes.toString('utf8').trimEnd().split('\n').slice(-lines)
  } finally {
    closeSync(fd)
  }
}

// SPDX-License-Identifier: Apache-2.0

import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs'

export const logBytesMax = 16 * 1024 * 1024
const tailBytes = 16 * 1024
const tailLines = 100
const reasonCharsMax = 400

/** Keeps a log and its predecessor within 32 MiB together; its writers hold it open in append mode. */
export function boundLog(path: string, bytesMax = logBytesMax): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) <= bytesMax) return
  copyFileSync(path, `${path}.1`)
  truncateSync(path, 0)
}

/** What a log said last, for a person: each thing once, what stood there before byte `since` left out. */
export function lastWords(path: string, max: number, since = 0): string[] {
  return [...new Set(tailOf(path, max * 10, since).map(wordsOf))].slice(-max)
}

/** The newest error among our own log lines, cut to a line for a person. */
export function lastError(path: string, since = 0): string | undefined {
  const errors = tailOf(path, tailLines, since)
    .map(wordsOf)
    .filter((words) => /^(error|critical): /.test(words))
  const message = errors.at(-1)?.replace(/^\w+: /, '')
  return message !== undefined && message.length > reasonCharsMax ? `${message.slice(0, reasonCharsMax - 1)}…` : message
}

/** Of one of our own log lines what it says; any other line as it is. */
function wordsOf(line: string): string {
  try {
    const { level, msg, error } = JSON.parse(line) as Record<string, unknown>
    const why = (error as { message?: unknown } | undefined)?.message
    return `${level}: ${msg}${why === undefined ? '' : `: ${why}`}`
  } catch {
    return line
  }
}

function tailOf(path: string, lines: number, since = 0): string[] {
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

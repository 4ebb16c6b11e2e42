// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { readSmallFile } from '../small-file.ts'
import type { Difference } from './compare.ts'

/** Somewhat more than the agent keeps. */
const bytesMax = 20 * 1024 * 1024

/** Whether what differs is what the agent was told; undefined: more was told than it remembers. */
export type Told = (difference: Difference) => boolean

/** Of the agent's own list (docs/formats/baseline.md, 5.3). What is no line of it tells nothing. */
export function readTold(path: string): Told | undefined {
  const text = readIfThere(path)
  if (text.endsWith('"full"\n')) return undefined
  const last = new Map<string, string | null>()
  for (const line of text.split('\n')) {
    const told = parsed(line)
    if (told !== undefined) last.set(told.path, told.sha256)
  }
  return (difference) => {
    const path = toldPath(difference.path)
    const sha256 = last.get(path)
    if (sha256 === undefined) return isBelowTold(path, last)
    const now = difference.what === 'removed' ? undefined : difference.after.sha256
    return sha256 === null || now === undefined || sha256 === now
  }
}

/** A folder that was moved, made or removed takes with it what is in it. */
function isBelowTold(path: string, told: ReadonlyMap<string, unknown>): boolean {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
    if (told.has(path.slice(0, end))) return true
  return false
}

function parsed(line: string): { path: string; sha256: string | null } | undefined {
  try {
    const [, path, sha256] = JSON.parse(line) as unknown[]
    const isFormed = typeof path === 'string' && (sha256 === null || typeof sha256 === 'string')
    return isFormed ? { path, sha256: sha256 as string | null } : undefined
  } catch {
    return undefined
  }
}

function readIfThere(path: string): string {
  try {
    return readSmallFile(path, bytesMax, constants.O_NOFOLLOW)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** As the agent writes a path (docs/formats/frame.md, 1.4). */
export function toldPath(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString()
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((n) => at + n <= bytes.length && isUtf8(bytes.subarray(at, at + n)))
    text += length === undefined ? `\\x${bytes.toString('hex', at, at + 1)}` : bytes.toString('utf8', at, at + length)
    at += length ?? 1
  }
  return text
}

// SPDX-License-Identifier: Apache-2.0

import { basename, dirname } from 'node:path'
import { type Disk, systemDisk } from '@sealwatch/base'

/** What ends a process in these tests. */
export class Crash extends Error {}

/**
 * Small files in memory, which outlive the process that wrote them. At a write of one's choosing the process dies, before
 * the write or right after it; whatever a dead process still tries fails.
 */
export function createCrashingDisk() {
  const files = new Map<string, Uint8Array>()
  let due: { writes: number; isAfter: boolean } | undefined
  let isDead = false

  async function write(apply: () => void): Promise<void> {
    // A turn of the loop, so that whoever runs beside this write gets in between.
    await new Promise((turn) => setImmediate(turn))
    if (isDead) throw new Crash('written by a dead process')
    if (due !== undefined) due.writes -= 1
    const isDue = due !== undefined && due.writes < 0
    if (isDue && due?.isAfter === false) {
      isDead = true
      throw new Crash('before the write')
    }
    apply()
    if (!isDue) return
    isDead = true
    throw new Crash('after the write')
  }

  const disk: Disk = {
    ...systemDisk,
    replace: (path, data) => write(() => void files.set(path, Buffer.from(data))),
    rename: (from, to) =>
      write(() => {
        files.set(to, files.get(from) as Uint8Array)
        files.delete(from)
      }),
    remove: (path) => write(() => void files.delete(path)),
    makeDirectory: async () => undefined,
    list: async (path) =>
      [...files.keys()]
        .filter((name) => dirname(name) === path)
        .map((name) => basename(name))
        .sort(),
    sizeOf: async (path) => files.get(path)?.length,
    read: async (path) => {
      if (isDead) throw new Crash('read by a dead process')
      return files.get(path)
    },
  }
  return {
    disk,
    files,
    /** The process dies at the write after `writes` more. */
    crashAt(writes: number, isAfter: boolean): void {
      due = { writes, isAfter }
    },
    /** A new process on the same files. */
    restart(): void {
      due = undefined
      isDead = false
    },
    get isDead() {
      return isDead
    },
  }
}

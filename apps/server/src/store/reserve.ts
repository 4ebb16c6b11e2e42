// SPDX-License-Identifier: Apache-2.0

import { randomFillSync } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Room on the disk that is held so that it can be given up: what takes something back, a host above all, is to stand over
 * a restart even where nothing else finds room.
 */
export type Reserve = {
  /** False: there is none, or the disk does not give it up: some need room to remove a file. */
  release(): boolean
  /** Takes the room where it is not held; where there is none, or the disk fails, another time. Never throws. */
  hold(): void
}

/** Some dozens of revocations with their lines, and what the log of the database needs for them. */
const reserveBytes = 4 * 1024 * 1024
const pieceBytes = 256 * 1024

export function openReserve(path: string): Reserve {
  const heldBytes = () => statSync(path, { throwIfNoEntry: false })?.size ?? 0
  const freeBytes = () => {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize
  }
  function release(): boolean {
    try {
      if (heldBytes() === 0) return false
      rmSync(path)
      return true
    } catch {
      return false
    }
  }
  return {
    release,
    hold: () => {
      try {
        if (heldBytes() === reserveBytes || freeBytes() < reserveBytes) return
        const file = openSync(path, 'w', 0o600)
        try {
          // Random: no file system makes less of it.
          const piece = randomFillSync(Buffer.alloc(pieceBytes))
          for (
            let at = 0;
            at < reserveBytes;
            at += writeSync(file, piece, 0, Math.min(pieceBytes, reserveBytes - at), at)
          );
          fsyncSync(file)
        } finally {
          closeSync(file)
        }
      } catch {
        release()
      }
    },
  }
}

/** A database in memory has no disk. */
export const noReserve: Reserve = { release: () => false, hold: () => undefined }

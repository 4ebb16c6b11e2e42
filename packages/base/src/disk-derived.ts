// SPDX-License-Identifier: Apache-2.0

import { closeSync, fstatSync, fsync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { codeOf, diskError, isFull, translate } from './disk-errors.ts'

/**
 * A file that can be computed again, so it is written without waiting: a crash leaves any part of what was not synced.
 */
export type DerivedFile = {
  readonly size: number
  /** Fills `into` with what lies from `offset` on; returns how many bytes there were. */
  read(into: Uint8Array, offset: number): number
  append(bytes: Uint8Array): void
  truncate(size: number): void
  /** What was written before survives a crash. */
  sync(): Promise<void>
  close(): void
}

export function openDerivedFile(path: string): DerivedFile {
  // Not DISK_FULL: what this follows from is durable already, and only a new start brings the two together again.
  const failed = (what: string, cause: unknown): Error =>
    isFull(cause)
      ? diskError('DISK_FAILED', { attempted: `${what} ${path}`, received: codeOf(cause), cause })
      : translate(`${what} ${path}`, cause)
  const doing = <T>(what: string, work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw failed(what, cause)
    }
  }
  const file = doing('opening', () => openSync(path, 'a+', 0o600))
  let size = doing('opening', () => fstatSync(file).size)
  return {
    get size() {
      return size
    },
    read: (into, offset) => doing('reading', () => readSync(file, into, 0, into.length, offset)),
    append: (bytes) =>
      doing('appending to', () => {
        for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
        size += bytes.length
      }),
    truncate: (to) =>
      doing('cutting', () => {
        ftruncateSync(file, to)
        size = to
      }),
    sync: () =>
      new Promise((resolve, reject) => {
        fsync(file, (cause) => {
          if (cause === null) resolve()
          else reject(failed('syncing', cause))
        })
      }),
    close: () => closeSync(file),
  }
}

export function removeDerivedFile(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch (cause) {
    throw translate(`removing ${path}`, cause)
  }
}

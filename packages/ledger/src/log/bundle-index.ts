// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Disk } from '@sealwatch/base'
import { tileWidth } from './hash-store.ts'

/** The byte at which every 256th leaf starts: where an entry bundle of C2SP tlog-tiles begins. Derived from the lines. */
export type BundleIndex = {
  /** NaN beyond the last. */
  startOf(bundle: number): number
  /** Tells that leaf `index` starts at byte `start`; kept for the first leaf of each bundle. */
  note(index: number, start: number): void
  flush(): void
  sync(): Promise<void>
  close(): void
}

/** Opens the index for a ledger of `size` leaves; undefined when the file holds less. */
export function openBundleIndex(dir: string, size: number, disk: Disk): BundleIndex | undefined {
  const file = disk.openDerived(join(dir, 'bundles'))
  const due = Math.ceil(size / tileWidth)
  if (file.size < due * 8) {
    file.close()
    return undefined
  }
  file.truncate(due * 8)
  // Of what is not in the file yet.
  let first = due
  let pending: number[] = []
  return {
    startOf(bundle) {
      if (bundle >= first) return pending[bundle - first] ?? Number.NaN
      const stored = Buffer.alloc(8)
      file.read(stored, bundle * 8)
      return Number(stored.readBigUInt64BE())
    },
    note(index, start) {
      if (index % tileWidth === 0) pending.push(start)
    },
    flush() {
      if (pending.length === 0) return
      const bytes = Buffer.alloc(pending.length * 8)
      for (const [i, start] of pending.entries()) bytes.writeBigUInt64BE(BigInt(start), i * 8)
      file.append(bytes)
      first += pending.length
      pending = []
    },
    sync: () => file.sync(),
    close: () => file.close(),
  }
}

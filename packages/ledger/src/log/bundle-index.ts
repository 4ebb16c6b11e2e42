// SPDX-License-Identifier: Apache-2.0

import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { tileWidth } from './hash-store.ts'

/** The byte at which every 256th leaf starts: where an entry bundle of C2SP tlog-tiles begins. Derived from the lines. */
export type BundleIndex = {
  /** NaN beyond the last. */
  startOf(bundle: number): number
  /** Tells that leaf `index` starts at byte `start`; kept for the first leaf of each bundle. */
  note(index: number, start: number): void
  flush(): void
  sync(): void
  close(): void
}

/** Opens the index for a ledger of `size` leaves; undefined when the file holds less. */
export function openBundleIndex(dir: string, size: number): BundleIndex | undefined {
  const path = join(dir, 'bundles')
  const file = openSync(path, 'a+', 0o600)
  const stored = readFileSync(path)
  const due = Math.ceil(size / tileWidth)
  if (stored.length < due * 8) {
    closeSync(file)
    return undefined
  }
  ftruncateSync(file, due * 8)
  const starts = Array.from({ length: due }, (_, i) => Number(stored.readBigUInt64BE(i * 8)))
  let written = due
  return {
    startOf: (bundle) => starts[bundle] ?? Number.NaN,
    note(index, start) {
      if (index % tileWidth === 0) starts.push(start)
    },
    flush() {
      if (written === starts.length) return
      const bytes = Buffer.alloc((starts.length - written) * 8)
      for (const [i, start] of starts.slice(written).entries()) bytes.writeBigUInt64BE(BigInt(start), i * 8)
      writeSync(file, bytes)
      written = starts.length
    },
    sync: () => fsyncSync(file),
    close: () => closeSync(file),
  }
}

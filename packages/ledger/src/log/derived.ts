// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Disk } from '@sealwatch/base'
import { hashBytes } from '../verify/merkle.ts'
import { tileHeight, tileWidth } from './hash-store.ts'

/** Files that are computed from the lines, and are computed again where they are not there. */
export const derivedFiles = (names: readonly string[]): string[] =>
  names.filter((name) => /^hashes-\d$/.test(name) || name === 'bundles' || name === 'saved.json')

/**
 * Holds what is derived against what the lines lead to. `current`: all that is there is right. `wrong`: something is
 * not; nothing was ever lost by it, and proofs made from it would fail.
 */
export type DerivedCheck = {
  /** Complete subtrees of 2^level leaves, one hash after the other. */
  row(level: number, hashes: Uint8Array): void
  /** Leaf `index` begins at byte `start`. */
  leaf(index: number, start: number): void
  /** Compares what was told since the last call. */
  settle(): Promise<void>
  /** The first file that is wrong. */
  readonly wrong: string | undefined
  /** The first leaf whose stored hash is another. */
  readonly suspect: number | undefined
}

/** `due`: leaves for which the files must be there; beyond, what is missing is written later. */
export function checkDerived(dir: string, disk: Disk, due = 0): DerivedCheck {
  const levels: { at: number; rows: Uint8Array[] }[] = []
  let starts: { at: number; values: number[] } = { at: 0, values: [] }
  let wrong: string | undefined
  let suspect: number | undefined
  return {
    get wrong() {
      return wrong
    },
    get suspect() {
      return suspect
    },
    row(level, hashes) {
      if (level % tileHeight !== 0) return
      const tileLevel = level / tileHeight
      levels[tileLevel] ??= { at: 0, rows: [] }
      levels[tileLevel]?.rows.push(hashes)
    },
    leaf(index, start) {
      if (index % tileWidth === 0) starts.values.push(start)
    },
    async settle() {
      for (const [level, { at, rows }] of levels.entries()) {
        const told = Buffer.concat(rows)
        const stored =
          (await disk.readAt(join(dir, `hashes-${level}`), at * hashBytes, told.length)) ?? new Uint8Array(0)
        const same = Math.floor(sameBytes(told, stored) / hashBytes)
        const isStored = (same + 1) * hashBytes <= stored.length
        const isDue = at + same < Math.floor(due / tileWidth ** level)
        if (same * hashBytes < told.length && (isStored || isDue)) {
          wrong ??= `hashes-${level}`
          if (level === 0) suspect ??= at + same
        }
        levels[level] = { at: at + told.length / hashBytes, rows: [] }
      }
      const { at, values } = starts
      const stored = Buffer.from((await disk.readAt(join(dir, 'bundles'), at * 8, values.length * 8)) ?? [])
      const differs = (start: number, i: number) =>
        (i + 1) * 8 <= stored.length
          ? stored.readBigUInt64BE(i * 8) !== BigInt(start)
          : at + i < Math.ceil(due / tileWidth)
      if (values.some(differs)) wrong ??= 'bundles'
      starts = { at: at + values.length, values: [] }
    },
  }
}

/** How many bytes the two begin with in common. */
function sameBytes(a: Uint8Array, b: Uint8Array): number {
  let same = 0
  while (same < a.length && a[same] === b[same]) same += 1
  return same
}

// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Disk } from '@sealwatch/base'
import { equal, type Hash, hashesOf } from '../verify/merkle.ts'
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
  const levels: { at: number; hashes: Hash[] }[] = []
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
      levels[tileLevel] ??= { at: 0, hashes: [] }
      levels[tileLevel]?.hashes.push(...hashesOf(hashes))
    },
    leaf(index, start) {
      if (index % tileWidth === 0) starts.values.push(start)
    },
    async settle() {
      for (const [level, { at, hashes }] of levels.entries()) {
        const stored =
          (await disk.readAt(join(dir, `hashes-${level}`), at * 32, hashes.length * 32)) ?? new Uint8Array(0)
        const dueHere = Math.floor(due / tileWidth ** level)
        const differs = hashes.findIndex((hash, i) =>
          (i + 1) * 32 <= stored.length ? !equal(hash, stored.subarray(i * 32, i * 32 + 32)) : at + i < dueHere,
        )
        if (differs >= 0) {
          wrong ??= `hashes-${level}`
          if (level === 0) suspect ??= at + differs
        }
        levels[level] = { at: at + hashes.length, hashes: [] }
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

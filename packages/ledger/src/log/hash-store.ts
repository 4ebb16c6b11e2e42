// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { DerivedFile, Disk } from '@sealwatch/base'
import { sha256 } from '../sha256.ts'
import { createFrontier, type Frontier, type Hash, nodeHash, subtreesOf } from '../verify/merkle.ts'

const hashBytes = 32
/** Tiles whose inner hashes are kept: 512 hashes each. */
const tilesMax = 256
/** C2SP tlog-tiles: a tile is 256 hashes, so every eighth level of the tree is stored. */
export const tileHeight = 8
export const tileWidth = 2 ** tileHeight
/** Of a tree of 2^53 leaves. */
const tileLevelsMax = 7

/**
 * The hashes of a growing tree, one file per level of tiles, each a plain row of hashes: tile N of level L is the 8 KiB
 * at N * 8192 of file L. Derived from the lines and rebuilt from them where lost, so written without waiting.
 */
export type HashStore = {
  readonly size: number
  /** One hash after the other. */
  append(leaves: Uint8Array): void
  root(): Hash
  /** Hash of the complete subtree `index` of 2^level leaves. */
  subtree(level: number, index: number): Hash
  /** Root of the tree that consists of the leaves [from, to); `from` must be a multiple of a power of two >= to - from. */
  rootOf(from: number, to: number): Hash
  leaves(from: number, to: number): Hash[]
  sync(): Promise<void>
  close(): void
}

/** Opens the files at `size`; what they hold beyond is dropped. Undefined when they hold less. */
export function openHashStore(dir: string, size: number, disk: Disk): HashStore | undefined {
  const files: DerivedFile[] = []
  const pathOf = (tileLevel: number) => join(dir, `hashes-${tileLevel}`)
  const fileOf = (tileLevel: number): DerivedFile => {
    while (files.length <= tileLevel) files.push(disk.openDerived(pathOf(files.length)))
    return files[tileLevel] as DerivedFile
  }
  const countAt = (tileLevel: number) => Math.floor(size / tileWidth ** tileLevel)
  for (let tileLevel = 0; tileLevel < tileLevelsMax; tileLevel += 1) {
    if (countAt(tileLevel) === 0) {
      disk.removeDerived(pathOf(tileLevel))
      continue
    }
    const file = fileOf(tileLevel)
    if (file.size < countAt(tileLevel) * hashBytes) {
      for (const opened of files) opened.close()
      return undefined
    }
    file.truncate(countAt(tileLevel) * hashBytes)
  }

  // For each level of tiles, of what is being appended.
  const pending: Uint8Array[] = []
  const frontier: Frontier = createFrontier(sha256, (level, row) => {
    if (level % tileHeight === 0) pending[level / tileHeight] = row
  })

  function read(tileLevel: number, from: number, count: number): Hash[] {
    const bytes = new Uint8Array(count * hashBytes)
    const got = fileOf(tileLevel).read(bytes, from * hashBytes)
    if (got !== bytes.length)
      throw new RangeError(`hashes ${from} to ${from + count} of level ${tileLevel} are not stored`)
    return Array.from({ length: count }, (_, i) => bytes.subarray(i * hashBytes, (i + 1) * hashBytes))
  }

  // Leaves in the files; the frontier gets there once they are read.
  let stored = size
  // All levels of the tiles that were asked for lately. A full one never changes; those at the right edge grow.
  const tiles = new Map<string, readonly Hash[][]>()
  const edges = new Map<string, readonly Hash[][]>()

  function tileLevels(tileLevel: number, tile: number): readonly Hash[][] {
    const width = Math.min(tileWidth, Math.floor(stored / tileWidth ** tileLevel) - tile * tileWidth)
    const kept = width === tileWidth ? tiles : edges
    const name = `${tileLevel}/${tile}`
    let levels = kept.get(name)
    kept.delete(name)
    levels ??= levelsOver(read(tileLevel, tile * tileWidth, Math.max(0, width)))
    kept.set(name, levels)
    if (kept.size > tilesMax) kept.delete(kept.keys().next().value as string)
    return levels
  }

  function subtree(level: number, index: number): Hash {
    const above = level % tileHeight
    const perTile = 2 ** (tileHeight - above)
    const hash = tileLevels((level - above) / tileHeight, Math.floor(index / perTile))[above]?.[index % perTile]
    if (hash === undefined) throw new RangeError(`subtree ${index} of level ${level} is not stored`)
    return hash
  }

  for (const { level, index } of subtreesOf(0, size)) frontier.append(subtree(level, index), level)
  pending.length = 0

  return {
    get size() {
      return frontier.size
    },
    append(leaves) {
      edges.clear()
      frontier.append(leaves)
      stored = frontier.size
      for (const [tileLevel, row] of pending.entries()) fileOf(tileLevel).append(row)
      pending.length = 0
    },
    root: () => frontier.root(),
    subtree,
    rootOf(from, to) {
      const parts = [...subtreesOf(from, to)].map(({ level, index }) => subtree(level, index))
      const last = parts.pop()
      if (last === undefined) return sha256(new Uint8Array(0))
      return parts.reduceRight((right, left) => nodeHash(sha256, left, right), last)
    },
    leaves: (from, to) => (to > from ? read(0, from, to - from) : []),
    sync: async () => void (await Promise.all(files.map((file) => file.sync()))),
    close() {
      for (const file of files) file.close()
    },
  }
}

/** A row of hashes, and above it one row after the other of the nodes that are complete. */
function levelsOver(row: readonly Hash[]): Hash[][] {
  const levels = [[...row]]
  for (let below = levels[0] as Hash[]; levels.length < tileHeight; levels.push(below)) {
    const pairs = Array.from({ length: below.length >> 1 }, (_, i) => [below[2 * i], below[2 * i + 1]] as [Hash, Hash])
    below = pairs.map(([left, right]) => nodeHash(sha256, left, right))
  }
  return levels
}

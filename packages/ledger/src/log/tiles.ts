// SPDX-License-Identifier: Apache-2.0

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tileHeight, tileWidth } from './hash-store.ts'
import type { Ledger, SignedCheckpoint } from './ledger.ts'

/** C2SP tlog-tiles: groups of three digits, all but the last behind an x; `.p/W` for a tile of W < 256 hashes. */
export function tilePath(level: number | 'entries', index: number, width: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0')
  const groups = digits.match(/\d{3}/g) as string[]
  const name = [...groups.slice(0, -1).map((group) => `x${group}`), groups.at(-1)].join('/')
  return `tile/${level}/${name}${width === tileWidth ? '' : `.p/${width}`}`
}

/** Every tile and entry bundle of the tree of `size`, full ones and the last partial one of each level. */
export function* tilesOf(size: number): Generator<{ level: number | 'entries'; index: number; width: number }> {
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / tileWidth)) {
    for (let index = 0; index * tileWidth < count; index += 1) {
      const width = Math.min(tileWidth, count - index * tileWidth)
      yield { level, index, width }
      if (level === 0) yield { level: 'entries', index, width }
    }
  }
}

export function hashTile(ledger: Ledger, level: number, index: number, width: number): Uint8Array {
  const first = index * tileWidth
  return Buffer.concat(Array.from({ length: width }, (_, i) => ledger.subtree(level * tileHeight, first + i)))
}

/** An entry bundle: each line behind its length as a big-endian uint16. */
export async function entryBundle(ledger: Ledger, index: number, width: number): Promise<Uint8Array> {
  const leaves = []
  while (leaves.length < width)
    leaves.push(...(await ledger.read(index * tileWidth + leaves.length, width - leaves.length)))
  return Buffer.concat(leaves.flatMap(({ line }) => [Uint8Array.of(line.length >> 8, line.length & 0xff), line]))
}

/** Writes the ledger at a checkpoint as the static files that any C2SP tlog-tiles client reads. */
export async function writeTiles(ledger: Ledger, { size, note }: SignedCheckpoint, dir: string): Promise<void> {
  for (const { level, index, width } of tilesOf(size)) {
    const path = join(dir, tilePath(level, index, width))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(
      path,
      level === 'entries' ? await entryBundle(ledger, index, width) : hashTile(ledger, level, index, width),
    )
  }
  await writeFile(join(dir, 'checkpoint'), note)
}

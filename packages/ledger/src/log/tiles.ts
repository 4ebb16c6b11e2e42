// SPDX-License-Identifier: Apache-2.0
// C2SP tlog-tiles: a ledger as static files that anybody's tools read.

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ErrorTable, errorsOf } from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import { type Checkpoint, parseCheckpoint } from '../verify/checkpoint.ts'
import { createFrontier, equal, type Hash, hashesOf, leafHash } from '../verify/merkle.ts'
import { type NoteVerifier, openNote } from '../verify/note.ts'
import { checkPasses, checkReaches } from '../verify/since.ts'
import { tileHeight, tileWidth } from './hash-store.ts'

export const tilesErrors = {
  TILE_MALFORMED: {
    kind: 'unverified',
    rule: 'a tile holds as many hashes, an entry bundle as many entries, as its name says, and nothing more (C2SP tlog-tiles)',
    advice: 'Fetch the file again; one that stays short was cut',
  },
  TILES_ALTERED: {
    kind: 'unverified',
    rule: 'entries lead to the hashes in the tiles, and these to the root that is signed (C2SP tlog-tiles)',
    advice: 'The files were changed after they were written: ask for the original',
  },
} as const satisfies ErrorTable
const tilesError = errorsOf(tilesErrors)

/** Groups of three digits, all but the last behind an x; `.p/W` for a tile of W < 256 hashes. */
export function tilePath(level: number | 'entries', index: number, width: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0')
  const groups = digits.match(/\d{3}/g) as string[]
  const name = [...groups.slice(0, -1).map((group) => `x${group}`), groups.at(-1)].join('/')
  return `tile/${level}/${name}${width === tileWidth ? '' : `.p/${width}`}`
}

/** Writes the tiles of a tree as its leaves come by, in memory that does not grow with it. */
export type TileWriter = {
  add(line: Uint8Array, hash: Hash): Promise<void>
  /** Writes what is left and, last, the checkpoint: until it is there, there is no log. */
  finish(note: string): Promise<void>
}

export function createTileWriter(dir: string): TileWriter {
  const rows = new Map<number | 'entries', { index: number; parts: Uint8Array[] }>()
  let due: Promise<void>[] = []
  const put = (level: number | 'entries', part: Uint8Array) => {
    const row = rows.get(level) ?? { index: 0, parts: [] }
    rows.set(level, row)
    row.parts.push(part)
    if (row.parts.length === tileWidth) due.push(flush(level, row))
  }
  async function flush(level: number | 'entries', row: { index: number; parts: Uint8Array[] }): Promise<void> {
    const { index, parts } = row
    row.index += 1
    row.parts = []
    const path = join(dir, tilePath(level, index, parts.length))
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, Buffer.concat(parts))
  }
  const frontier = createFrontier(sha256, (level, row) => {
    if (level % tileHeight === 0) for (const hash of hashesOf(row)) put(level / tileHeight, hash)
  })
  const settle = async () => {
    const writing = due
    due = []
    await Promise.all(writing)
  }
  return {
    add: async (line, hash) => {
      const entry = new Uint8Array(2 + line.length)
      entry.set([line.length >> 8, line.length & 0xff])
      entry.set(line, 2)
      put('entries', entry)
      frontier.append(hash)
      if (due.length > 0) await settle()
    },
    finish: async (note) => {
      for (const [level, row] of rows) if (row.parts.length > 0) due.push(flush(level, row))
      await settle()
      await writeFile(join(dir, 'checkpoint'), note)
    },
  }
}

/**
 * Reads a log back from its files: every entry against the hash tiles, those against each other, all against the
 * checkpoint, which must be signed by `trusted`, and all against the checkpoint `since`, saved earlier. Throws
 * TILE_MALFORMED, TILES_ALTERED, CHECKPOINT_CONTRADICTED or a note error.
 */
export async function verifyTiles(
  dir: string,
  trusted: readonly NoteVerifier[],
  { onEntry, since }: { onEntry?: (line: Uint8Array, leaf: number) => void; since?: Checkpoint } = {},
): Promise<Checkpoint> {
  const attempted = `verifying the tiles in ${dir}`
  const note = (await readTile(join(dir, 'checkpoint'), attempted)).toString('utf8')
  const { text } = openNote(note, trusted, verifyEd25519, attempted)
  const checkpoint = parseCheckpoint(text, attempted)
  const { size, origin, root } = checkpoint
  if (!trusted.some(({ name }) => name === origin))
    throw tilesError('TILES_ALTERED', { attempted, received: `a checkpoint of ${origin}` })
  if (since !== undefined) checkReaches(since, checkpoint, attempted)

  const rows = new Map<number, { index: number; hashes: Uint8Array[] }>()
  const widthAt = (level: number, index: number) =>
    Math.min(tileWidth, Math.floor(size / tileWidth ** level) - index * tileWidth)
  let full: { level: number; index: number; hashes: Uint8Array[] }[] = []
  const frontier = createFrontier(sha256, (height, nodes) => {
    if (height % tileHeight !== 0) return
    const level = height / tileHeight
    const row = rows.get(level) ?? { index: 0, hashes: [] }
    rows.set(level, row)
    for (const hash of hashesOf(nodes)) {
      row.hashes.push(hash)
      if (row.hashes.length < widthAt(level, row.index)) continue
      full.push({ level, index: row.index, hashes: row.hashes })
      row.index += 1
      row.hashes = []
    }
  })
  for (let index = 0; index * tileWidth < size; index += 1) {
    const width = widthAt(0, index)
    const path = join(dir, tilePath('entries', index, width))
    for (const line of entriesIn(await readTile(path, attempted), width, path, attempted)) {
      onEntry?.(line, frontier.size)
      frontier.append(leafHash(sha256, line))
      if (frontier.size === since?.size) checkPasses(since, frontier.root(), attempted)
    }
    for (const tile of full) await checkTile(dir, tile, attempted)
    full = []
  }
  if (!equal(frontier.root(), root))
    throw tilesError('TILES_ALTERED', { attempted, received: 'entries that do not lead to the signed root' })
  return checkpoint
}

async function checkTile(
  dir: string,
  { level, index, hashes }: { level: number; index: number; hashes: readonly Uint8Array[] },
  attempted: string,
): Promise<void> {
  const path = join(dir, tilePath(level, index, hashes.length))
  const tile = await readTile(path, attempted)
  if (tile.length !== hashes.length * 32)
    throw tilesError('TILE_MALFORMED', { attempted, received: `${path} with ${tile.length} bytes` })
  const wrong = hashes.findIndex((hash, i) => !equal(hash, tile.subarray(i * 32, i * 32 + 32)))
  if (wrong < 0) return
  const first = (index * tileWidth + wrong) * tileWidth ** level
  throw tilesError('TILES_ALTERED', {
    attempted,
    received: `hash ${wrong} of ${path}, over the entries from ${first} on`,
  })
}

function* entriesIn(bundle: Uint8Array, width: number, path: string, attempted: string): Generator<Uint8Array> {
  let at = 0
  for (let i = 0; i < width; i += 1) {
    const end = at + 2 + (((bundle[at] as number) << 8) | (bundle[at + 1] as number))
    // Comparing with what is not there is false: NaN, where even the length is cut.
    if (!(end <= bundle.length))
      throw tilesError('TILE_MALFORMED', { attempted, received: `${path}, which ends within entry ${i}` })
    yield bundle.subarray(at + 2, end)
    at = end
  }
  if (at < bundle.length)
    throw tilesError('TILE_MALFORMED', { attempted, received: `${path}, which goes on after its last entry` })
}

async function readTile(path: string, attempted: string): Promise<Buffer> {
  return await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw tilesError('TILE_MALFORMED', { attempted, received: `${path}: ${cause.code}`, cause })
  })
}

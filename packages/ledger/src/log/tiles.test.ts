// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { appendFile, cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { naiveRoot } from '../../test/naive-merkle.ts'
import { nodeKey, openSampleLedger, origins, sampleHost, temporary } from '../../test/sample.ts'
import { writeTiles } from '../../test/write-tiles.ts'
import { createNoteSigner } from '../note-signer.ts'
import { tilePath, verifyTiles } from './tiles.ts'

test('tiles are named as C2SP tlog-tiles says', () => {
  const names: [number | 'entries', number, number, string][] = [
    [0, 0, 256, 'tile/0/000'],
    [0, 0, 1, 'tile/0/000.p/1'],
    [0, 999, 256, 'tile/0/999'],
    [1, 1000, 256, 'tile/1/x001/000'],
    [0, 1_234_067, 256, 'tile/0/x001/x234/067'],
    [2, 1_234_067, 8, 'tile/2/x001/x234/067.p/8'],
    ['entries', 1_000_000_000, 255, 'tile/entries/x001/x000/x000/000.p/255'],
  ]
  for (const [level, index, width, name] of names) assert.equal(tilePath(level, index, width), name)
})

test('written tiles hold the lines and their hashes, up to the checkpoint and no further', async () => {
  await using dir = await temporary()
  const ledger = await openSampleLedger(dir.path)
  const host = sampleHost(1)
  await ledger.append(host.verified(host.batch(300)))
  await ledger.append(host.verified(host.batch(250)))
  const checkpoint = await ledger.checkpoint()
  const { size } = checkpoint
  await ledger.append(host.verified(host.batch(1)))
  const out = join(dir.path, 'out')
  await writeTiles(ledger, checkpoint, out)
  const lines: Buffer[] = []
  while (lines.length < size)
    for (const { line } of await ledger.read(lines.length, size - lines.length)) lines.push(Buffer.from(line))
  await ledger.close()

  const read = (path: string) => readFile(join(out, path))
  assert.equal(await read('checkpoint').then(String), checkpoint.note)
  const widths = [256, 256, size - 512]
  for (const [index, width] of widths.entries()) {
    const entries = lines.slice(index * 256, index * 256 + width)
    const tile = await read(tilePath(0, index, width))
    assert.equal(tile.length, width * 32)
    for (const [i, entry] of entries.entries()) assert.ok(tile.subarray(i * 32, i * 32 + 32).equals(naiveRoot([entry])))
    const bundle = await read(tilePath('entries', index, width))
    const due = entries.flatMap((entry) => [Buffer.from([entry.length >> 8, entry.length & 255]), entry])
    assert.ok(bundle.equals(Buffer.concat(due)))
  }
  const above = await read(tilePath(1, 0, 2))
  assert.ok(above.equals(Buffer.concat([naiveRoot(lines.slice(0, 256)), naiveRoot(lines.slice(256, 512))])))
  assert.equal(
    (await readdir(out, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length,
    8,
  )

  const trusted = [createNoteSigner(origins.tenant, nodeKey).verifier]
  const seen: Uint8Array[] = []
  const read2 = await verifyTiles(out, trusted, { onEntry: (line) => seen.push(line) })
  assert.deepEqual([read2.size, seen.length], [size, size])
  const copy = join(dir.path, 'copy')
  const refused = async (code: string, harm: () => Promise<unknown>) => {
    await cp(out, copy, { recursive: true })
    await harm()
    await assert.rejects(verifyTiles(copy, trusted), { code })
    await rm(copy, { recursive: true })
  }
  const at = (...path: Parameters<typeof tilePath>) => join(copy, tilePath(...path))
  const flip = async (path: string, offset: number) => {
    const bytes = await readFile(path)
    bytes[offset] = (bytes[offset] as number) ^ 1
    await writeFile(path, bytes)
  }
  await refused('TILE_MALFORMED', () => truncate(at(0, 0, 256), 8191))
  await refused('TILE_MALFORMED', () => truncate(at('entries', 2, size - 512), 1))
  await refused('TILE_MALFORMED', () => truncate(at('entries', 1, 256), 0))
  await refused('TILE_MALFORMED', () => appendFile(at('entries', 0, 256), 'x'))
  await refused('TILE_MALFORMED', () => appendFile(at(1, 0, 2), Buffer.alloc(32)))
  await refused('TILE_MALFORMED', () => rm(at(1, 0, 2)))
  await refused('TILES_ALTERED', () => flip(at(0, 1, 256), 77))
  await refused('TILES_ALTERED', () => flip(at(1, 0, 2), 0))
  await refused('TILES_ALTERED', () => flip(at('entries', 1, 256), 100))
  await refused('NOTE_UNVERIFIED', () => flip(join(copy, 'checkpoint'), 30))
  await refused('TILE_MALFORMED', () => rm(join(copy, 'checkpoint')))
})

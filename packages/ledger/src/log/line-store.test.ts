// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readdir, rename, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemDisk } from '@sealwatch/base'
import { createFaultyDisk } from '../../test/faulty-disk.ts'
import { temporary } from '../../test/sample.ts'
import { type LineStore, openLineStore } from './line-store.ts'

const small = 100
const text = (i: number) => `line ${i} ${'x'.repeat(i % 40)}`
const group = (from: number, count: number) =>
  Buffer.from(Array.from({ length: count }, (_, i) => `${text(from + i)}\n`).join(''))

async function readAll(store: LineStore, linesMax = 7): Promise<string[]> {
  const lines: string[] = []
  for (let at = 0; at < store.bytes; ) {
    const read = await store.read(at, linesMax)
    assert.ok(read.length > 0 && read.length <= linesMax)
    lines.push(...read.map(({ line }) => Buffer.from(line).toString()))
    at = read.at(-1)?.end as number
  }
  return lines
}

test('lines run on over segments that are named after the byte they start at', async () => {
  await using dir = await temporary()
  const store = await openLineStore(dir.path, systemDisk, 0, small)
  for (let i = 0; i < 60; i += 3) await store.append([group(i, 3)])
  const due = Array.from({ length: 60 }, (_, i) => text(i))
  assert.deepEqual(await readAll(store), due)
  const files = (await readdir(dir.path)).sort()
  assert.ok(files.length > 5)
  assert.equal(files[0], `${'0'.repeat(20)}.ndjson`)
  await store.close()
  const again = await openLineStore(dir.path, systemDisk, 0, small)
  assert.equal(again.bytes, group(0, 60).length)
  assert.deepEqual(await readAll(again, 1000), due)
  await again.close()
})

test('what was appended last can be taken back, what was before cannot', async () => {
  await using dir = await temporary()
  const store = await openLineStore(dir.path, systemDisk, 0, small)
  for (let i = 0; i < 12; i += 3) await store.append([group(i, 3)])
  const start = Number(((await readdir(dir.path)).sort().at(-1) as string).slice(0, 20))
  await store.truncate(start + 3)
  assert.equal(store.bytes, start + 3)
  assert.deepEqual(await store.read(start, 9), [], 'a line that is cut short is no line')
  await store.truncate(start)
  await assert.rejects(store.truncate(start - 1), { code: 'LINES_MISSING', kind: 'fatal' })
  await store.append([group(50, 1)])
  assert.equal((await readAll(store)).at(-1), text(50))
  await store.close()
})

test('a read ends where it is told to', async () => {
  await using dir = await temporary()
  const store = await openLineStore(dir.path, systemDisk)
  await store.append([group(0, 10)])
  const [first, second] = await store.read(0, 10)
  assert.equal((await store.read(0, 10, second?.end)).length, 2)
  assert.equal((await store.read(first?.end as number, 10, second?.end)).length, 1)
  await store.close()
})

test('LOG-6: the segment that grows is looked for under its name, with all that was durable', async () => {
  await using dir = await temporary()
  const store = await openLineStore(dir.path, systemDisk, 0, small)
  for (let i = 0; i < 12; i += 3) await store.append([group(i, 3)])
  await store.check(store.bytes)
  const path = join(dir.path, (await readdir(dir.path)).sort().at(-1) as string)
  await truncate(path, 3)
  await assert.rejects(store.check(store.bytes), { code: 'LINES_MISSING', kind: 'fatal' })
  await rename(path, `${path}.away`)
  await assert.rejects(store.check(store.bytes), { code: 'LINES_MISSING', kind: 'fatal' })
  await store.close()
})

test('a segment that is gone is told as such', async () => {
  await using dir = await temporary()
  const store = await openLineStore(dir.path, systemDisk, 0, small)
  for (let i = 0; i < 12; i += 3) await store.append([group(i, 3)])
  const [first, second] = (await readdir(dir.path)).sort()
  await rm(join(dir.path, first as string))
  await assert.rejects(store.read(0, 5), { code: 'LINES_MISSING' })
  await truncate(join(dir.path, second as string), 3)
  assert.deepEqual(await store.read(Number(second?.slice(0, 20)), 5), [])
  await store.close()
})

test('a disk that is full when a segment is due leaves the store as it was', async () => {
  await using dir = await temporary()
  const disk = createFaultyDisk()
  const store = await openLineStore(dir.path, disk, 0, small)
  await store.append([group(0, 9)])
  disk.fail('.ndjson')
  for (let i = 0; i < 2; i += 1) await assert.rejects(store.append([group(9, 3)]), { code: 'DISK_FULL' })
  assert.deepEqual(
    await readAll(store),
    Array.from({ length: 9 }, (_, i) => text(i)),
  )
  disk.fail(undefined)
  await store.append([group(9, 3)])
  assert.deepEqual(
    await readAll(store),
    Array.from({ length: 12 }, (_, i) => text(i)),
  )
  await store.close()
})

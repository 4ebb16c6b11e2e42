// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock as clock, type Disk, diskErrors, errorsOf, systemDisk } from '@sealwatch/base'
import { sha256 } from '@sealwatch/ledger'
import { flip, openIngest } from '../test/open-ingest.ts'
import { itemForm } from './item-form.ts'
import { openQuarantine } from './quarantine.ts'

const diskError = errorsOf(diskErrors)
type It = Awaited<ReturnType<typeof openIngest>>
const folder = (it: It) => join(it.dir, 'quarantine/default')
const segment = (it: It, n: number) => join(folder(it), `${String(n).padStart(12, '0')}.items`)

/** The same stores, as the next process opens them. */
const reopen = (it: It, disk: Disk = systemDisk, roomMax?: { items: number; bytes: number }) =>
  openQuarantine({ ...it, dir: join(it.dir, 'quarantine'), clock, disk, ...(roomMax && { roomMax }) })

const batchOf = (text: string) => ({
  tenant: 'default',
  hostId: 'h',
  chain: 'ab'.repeat(16),
  firstSeq: Number(text.replace(/\D/g, '')),
  nextSeq: Number(text.replace(/\D/g, '')) + 1,
  lines: Buffer.from(text),
  reason: 'unknown_key' as const,
  detail: '',
  keyId: 'k',
  registry: 0,
  beside: {
    encoding: 'text/plain',
    peer: { address: '', certificate: null, token: null },
    receivedAt: '2026-11-22T00:00:00.000000000Z',
    position: null,
    side: [],
  },
})

const rowsOf = (it: It) =>
  it.store.db.selectFrom('audit_signature_quarantine').selectAll().where('tenant', '=', 'default').execute()

async function keepAll(quarantine: It['quarantine'], texts: readonly string[]): Promise<void> {
  const all = await Promise.all(texts.map((text) => quarantine.keep(batchOf(text))))
  await Promise.all(all.map(({ kept }) => kept))
}

const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `item ${from + i}`)

test('ING-3 what waits for the disk together is written together, and each item is read back by itself', async () => {
  await using it = await openIngest()
  let writes = 0
  const counting: Disk = {
    ...systemDisk,
    openAppend: async (...given) => {
      const file = await systemDisk.openAppend(...given)
      const append = async (chunks: readonly Uint8Array[]) => {
        writes += 1
        await file.append(chunks)
      }
      return Object.defineProperty({ ...file, append }, 'size', { get: () => file.size })
    },
  }
  const quarantine = await reopen(it, counting)
  await keepAll(quarantine, numbered(500))
  assert.ok(writes <= 3, `${writes} writes`)
  await keepAll(quarantine, ['item 7'])
  const rows = await rowsOf(it)
  assert.equal(rows.length, 500, 'what is known already is not kept again')
  await quarantine.close()
  const again = await reopen(it)
  for (const row of rows) {
    const { bytes, beside } = await again.read('default', row)
    assert.equal(sha256(bytes).toHex(), row.item)
    assert.equal(beside?.receivedAt, row.received_at)
  }
})

test('ING-3 ING-8 what a crash leaves at the end of a segment is in nobody’s way', async () => {
  await using it = await openIngest()
  await keepAll(it.quarantine, numbered(3))
  // Cut off in the midst of the next write, as a reader finds it then: head and a part of what follows.
  const torn = (await readFile(segment(it, 0))).subarray(0, 100)
  await appendFile(segment(it, 0), torn)
  const next = await reopen(it)
  await keepAll(next, numbered(3, 3))
  assert.deepEqual(await readdir(folder(it)), ['000000000000.items', '000000000001.items'])
  const rows = await rowsOf(it)
  assert.equal(rows.length, 6)
  for (const row of rows) assert.equal(sha256((await next.read('default', row)).bytes).toHex(), row.item)
  await next.close()
})

test('ING-3 bytes that are others, or gone, are named: each part of a frame is held', async () => {
  await using it = await openIngest()
  await keepAll(it.quarantine, numbered(1))
  const [row] = await rowsOf(it)
  assert.ok(row !== undefined)
  const whole = await readFile(segment(it, 0))
  for (const at of [3, 4, 40, 68, 100, whole.length - 1]) {
    await writeFile(segment(it, 0), flip(whole, at))
    await assert.rejects(it.quarantine.read('default', row), { code: 'QUARANTINE_ALTERED' }, `byte ${at}`)
  }
  await writeFile(segment(it, 0), whole)
  await assert.rejects(it.quarantine.read('default', { ...row, item: 'cd'.repeat(32) }), { code: 'QUARANTINE_ALTERED' })
  await truncate(segment(it, 0), whole.length - 1)
  await assert.rejects(it.quarantine.read('default', row), { code: 'QUARANTINE_GONE' })
})

test('items that lie in files of their own stay readable', async () => {
  await using it = await openIngest()
  const { beside, lines } = batchOf('item 1')
  const item = sha256(lines).toHex()
  const place = { tenant: 'default', purpose: 'quarantine', place: `quarantine/${item}` } as const
  await mkdir(folder(it), { recursive: true })
  await writeFile(join(folder(it), item), await it.sealing.seal(place, itemForm(beside, lines)))
  const row = { item, segment: null, segment_at: null, kept_bytes: null }
  assert.deepEqual(Buffer.from((await it.quarantine.read('default', row)).bytes), lines)
})

test('ING-6 where the disk is full nothing is kept and nothing acknowledged; then the producer goes on', async () => {
  let isFull = true
  const disk: Disk = {
    ...systemDisk,
    openAppend: async (path, durable) => {
      if (isFull && path.endsWith('.items')) throw diskError('DISK_FULL', { attempted: `opening ${path}` })
      return systemDisk.openAppend(path, durable)
    },
  }
  await using it = await openIngest('unregistered', clock, { disk })
  for (const name of ['a', 'b']) await it.seal(name)
  const first = await it.batchAt(0)
  const batches = [first, await it.batchAt(first.count)]
  for (const outcome of await Promise.all(batches.map(it.submit))) {
    assert.ok(outcome.kind === 'refused')
    assert.deepEqual([outcome.error.code, outcome.expected.nextSeq], ['DISK_FULL', 0])
  }
  assert.deepEqual([it.ledgers.get('default').size, (await rowsOf(it)).length], [1, 0])
  isFull = false
  const outcomes = await Promise.all(batches.map(it.submit))
  assert.deepEqual(
    outcomes.map((outcome) => outcome.kind === 'quarantined' && outcome.leafIndex),
    [1, 2],
  )
  const { received, refused, quarantined } = it.rowBook.total()
  assert.equal(received, refused + quarantined.unknown_key)
  assert.equal(it.rowBook.missing('default'), 0)
})

test('ING-6 a tenant whose quarantine is full is sent back, and keeps its rows; what is admitted makes room', async () => {
  await using it = await openIngest('unregistered', clock, { roomMax: { items: 1, bytes: 1e9 } })
  for (const name of ['a', 'b']) await it.seal(name)
  const first = await it.batchAt(0)
  assert.equal((await it.submit(first)).kind, 'quarantined')
  const second = await it.batchAt(first.count)
  const outcome = await it.submit(second)
  assert.equal(outcome.kind === 'refused' && outcome.error.code, 'QUARANTINE_FULL')
  assert.equal(outcome.kind === 'refused' && outcome.expected.nextSeq, first.count)
  const [row] = await rowsOf(it)
  assert.ok(row !== undefined)
  await it.quarantine.end(row, 'verified', 9)
  assert.equal((await it.submit(second)).kind, 'quarantined')
  assert.deepEqual(it.quarantine.room.get('default')?.items, 1)
})

test('a batch that comes twice at once has one stub: the second is told of the first', async () => {
  await using it = await openIngest('unregistered')
  await it.seal('a')
  const batch = await it.batchAt(0)
  const [first, second] = await Promise.all([it.submit(batch), it.submit(batch)])
  assert.equal(first.kind === 'quarantined' && first.leafIndex, 1)
  assert.deepEqual(second, { kind: 'acknowledged', nextSeq: batch.count, leafIndex: 1 })
})

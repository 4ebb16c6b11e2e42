// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdtempDisposable, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { systemClock as clock, systemDisk as disk } from '@sealwatch/base'
import { generateSigner } from '@sealwatch/keys'
import { type Body, createNoteSigner, openLedger } from '@sealwatch/ledger'
import { across, createOutbox, openStore, type Store } from '../../store/index.ts'
import { indexEntries } from '../index-entries.ts'
import { prepareIndexThread } from './index-thread.ts'
import { type IndexPort, openIndexHere } from './port.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-index-'))
const signer = createNoteSigner('test/default', generateSigner())
const openLedgerIn = (dir: string) =>
  openLedger({ dir: join(dir, 'ledger'), tenant: 'default', origin: 'test/default', signer: () => signer, clock, disk })
const act = (i: number) => ({ event: { class_uid: 3001, i } }) as Body

/** Follows the ledger until all that is in it is indexed. */
async function catchUp(store: Store, index: IndexPort, ledger: Awaited<ReturnType<typeof openLedgerIn>>) {
  const done = new AbortController()
  const seen: number[] = []
  const onIndexed = (position: number) => {
    seen.push(position)
    if (position === ledger.size) done.abort()
  }
  const outbox = createOutbox(store)
  await indexEntries({ ledger, store, index, outbox, signal: done.signal, onIndexed })
  return seen
}

const rowsOf = (store: Store) =>
  across(store.index, 'status').selectFrom('entries').selectAll().orderBy('leaf_index').execute()

test('a thread writes what the caller would, and a piece that cannot be read leaves nothing behind', async () => {
  await using dir = await temporary()
  const ledger = await openLedgerIn(dir.path)
  for (let i = 0; i < 300; i += 1) await ledger.append({ own: act(i) })
  const [here, there] = [join(dir.path, 'here'), join(dir.path, 'there')]
  for (const path of [here, there]) await disk.makeDirectory(path)
  const stores = [openStore(here), openStore(there)] as const
  const local = openIndexHere(stores[0].indexPath)
  await using thread = await prepareIndexThread()
  const remote = await thread.open(stores[1].indexPath)
  for (const [i, index] of [local, remote].entries()) await catchUp(stores[i] as Store, index, ledger)
  const rows = await rowsOf(stores[1])
  assert.equal(rows.length, 301)
  assert.deepEqual(rows, await rowsOf(stores[0]))
  for (const [i, index] of [local, remote].entries()) {
    const stretch = { count: 2, ndjson: Buffer.from(`${'x'.repeat(9)}\nno line\n`.repeat(500)) }
    const own = { tenant: 'default', ownChain: ledger.chain, side: [], sideNext: 0 }
    const whole = Uint8Array.from(stretch.ndjson)
    await assert.rejects(
      index.write({ ...own, first: 301, stretch: { count: 2, marks: undefined, ndjson: whole } }),
      /JSON_MALFORMED/,
    )
    assert.equal((await rowsOf(stores[i] as Store)).length, 301)
  }
  await assert.rejects(thread.open(join(dir.path, 'nowhere/entries.sqlite')))
  for (const index of [local, remote]) await index.close()
  for (const store of stores) await store.close()
  await ledger.close()
})

test('LOG-6: wherever a process ended, an act is indexed once and leaves the outbox; and a lost index is made again', async () => {
  await using dir = await temporary()
  const ledger = await openLedgerIn(dir.path)
  const live = async (between: () => Promise<void>, acts: readonly number[]) => {
    const store = openStore(dir.path)
    const outbox = createOutbox(store)
    for (const i of acts) await store.transaction((tx) => outbox.enqueue(tx, 'default', act(i)))
    await between()
    const index = openIndexHere(store.indexPath)
    const seen = await catchUp(store, index, ledger)
    const waiting = await outbox.waiting(10)
    const rows = await rowsOf(store)
    await index.close()
    await store.close()
    return { first: seen[0], waiting: waiting.length, rows: rows.length }
  }
  const append = async (...acts: number[]) => {
    for (const i of acts) await ledger.append({ own: act(i) })
  }
  assert.deepEqual(await live(() => append(1, 2), [1, 2, 3]), { first: 0, waiting: 1, rows: 3 })
  // In the index, and the process ended before it left the outbox.
  assert.deepEqual(await live(() => append(4), [2, 4]), { first: 3, waiting: 1, rows: 4 })
  await rm(join(dir.path, 'entries.sqlite'))
  assert.deepEqual(await live(() => append(3), [1]), { first: 0, waiting: 0, rows: 5 })
  await ledger.close()
})

test('LOG-11: of a tenant that is gone nothing is left in the file of the index, nor in its log, among rows of others', async () => {
  await using dir = await temporary()
  const store = openStore(dir.path)
  await using thread = await prepareIndexThread()
  const index = await thread.open(store.indexPath)
  const ledger = await openLedgerIn(dir.path)
  for (let i = 0; i < 300; i += 1) await ledger.append({ own: act(i) })
  await catchUp(store, index, ledger)
  // As many rows of others, in another order: pages are divided, and rows of the two stand side by side.
  const rows = new DatabaseSync(store.indexPath)
  rows.exec('PRAGMA secure_delete=ON; BEGIN')
  const put = rows.prepare('INSERT INTO batches VALUES (?, ?, ?, ?, ?)')
  for (let i = 0; i < 6_000; i += 1)
    put.run(hash('sha256', String(i % 60)), i, i % 3 === 0 ? 'default' : 'others', i, 'head')
  rows.exec('COMMIT')
  rows.close()
  const left = async () => {
    const files = (await readdir(dir.path)).filter((file) => file.startsWith('entries.sqlite'))
    const texts = await Promise.all(files.map((file) => readFile(join(dir.path, file), 'latin1')))
    return texts.some((text) => text.includes('default'))
  }
  assert.ok(await left())
  await index.forget('default')
  assert.equal(await left(), false)
  await index.close()
  await store.close()
  await ledger.close()
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CompiledQuery } from 'kysely'
import { insertRows, openStore } from './index.ts'

test('rows are inserted whole, however many, and all or none', async () => {
  const store = openStore(':memory:')
  const rowsOf = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({
      chain: 'c',
      last_seq: from + i,
      tenant: 't',
      leaf_index: from + i,
      kind: 'head',
    }))
  const stored = () => store.db.selectFrom('batches').selectAll().orderBy('last_seq').execute()
  let size = 0
  for (const count of [0, 1, 127, 128, 129, 300]) {
    await store.transaction((tx) => insertRows(tx, 'batches', rowsOf(size, size + count)))
    size += count
  }
  assert.deepEqual(
    (await stored()).map((row) => ({ ...row })),
    rowsOf(0, size),
  )
  await assert.rejects(store.transaction((tx) => insertRows(tx, 'batches', rowsOf(size - 1, size + 200))))
  assert.equal((await stored()).length, size)
  await store.close()
})

test('a derived transaction is whole, too, and leaves the others durable', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-store-'))
  const store = openStore(join(dir.path, 'index.sqlite'))
  const row = { chain: 'c', last_seq: 1, tenant: 't', leaf_index: 1, kind: 'head' }
  const level = async () => {
    const { rows } = await store.db.executeQuery<{ synchronous: number }>(CompiledQuery.raw('PRAGMA synchronous'))
    return rows[0]?.synchronous
  }
  const full = await level()
  await store.derived((tx) => insertRows(tx, 'batches', [row]))
  assert.equal(await level(), full)
  await assert.rejects(store.derived((tx) => insertRows(tx, 'batches', [{ ...row, last_seq: 2 }, row])))
  assert.equal(await level(), full)
  assert.equal((await store.db.selectFrom('batches').selectAll().execute()).length, 1)
  await store.close()
})

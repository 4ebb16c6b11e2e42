// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
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

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { billing, one, openRooms, rowOf, signed, temporary } from './test/open-rows.ts'

test('ING-8 an id that came in stays known while the index is behind: the same rows again are no second entry', async () => {
  await using dir = await temporary()
  await using it = await openRooms(dir.path)
  await it.enter(rowOf(one))
  // The first waits until the index has what was there before: from then on nothing does.
  await it.rows.submit(billing, [signed(['0'])])
  const index = Promise.withResolvers<void>()
  it.gate.open = index.promise
  const rows = signed(['1'])
  try {
    assert.equal((await it.rows.submit(billing, [rows]))[0]?.kind, 'admitted')
    const { size } = it.ledger
    for (let turn = 0; turn < 10; turn += 1) {
      assert.equal((await it.rows.submit(billing, [rows]))[0]?.kind, 'duplicate')
      await new Promise((next) => setImmediate(next))
    }
    assert.equal(it.ledger.size, size)
  } finally {
    index.resolve()
  }
})

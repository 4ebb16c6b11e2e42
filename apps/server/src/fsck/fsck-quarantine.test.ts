// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { systemDisk as disk } from '@sealwatch/base'
import { billing, one, openRooms, rowOf, signed, temporary } from '../ingest/rows/test/open-rows.ts'
import { byWhom, whole } from '../ingest/test/open-ingest.ts'
import { fsckServer } from './fsck.ts'

/** Three submissions came under a key that nobody knew; two of them are admitted since. */
async function replayed(dir: string) {
  await using rooms = await openRooms(dir)
  const sent = ['a', 'b', 'c'].map((text) => signed([text, text]))
  for (const outcome of await rooms.rows.submit(billing, sent)) assert.equal(outcome.kind, 'quarantined')
  await rooms.enter(rowOf(one))
  const by = byWhom({ kind: 'operator', id: 'root' }, 'acme')
  const { items } = await rooms.replays.replay(by, {}, { ...whole, max: 2 })
  assert.deepEqual(
    items.map(({ outcome }) => outcome),
    ['admitted', 'admitted'],
  )
}

const fsck = (dir: string) => fsckServer(dir, { disk, trust: [], repair: false, onBytes: () => undefined })

function change(dir: string, what: string): void {
  const database = new DatabaseSync(join(dir, 'index.sqlite'))
  database.exec(`UPDATE audit_signature_quarantine SET ${what}`)
  database.close()
}

test('ING-3 ING-4 conservation: fsck counts what was admitted by the replays of the ledger, whatever rows say of it', async () => {
  await using dir = await temporary()
  await replayed(dir.path)
  const total = { tenant: 'acme', items: 3, rows: 6, admitted: 4, waiting: 2 }
  const sound = await fsck(dir.path)
  assert.deepEqual([sound.ok, sound.database, sound.quarantine], [true, [], [total]])
  // As a crash leaves it between the ledger and the row, which follows it.
  change(dir.path, "state = 'waiting', admitted_leaf_index = NULL WHERE state = 'admitted'")
  const behind = await fsck(dir.path)
  assert.deepEqual([behind.ok, behind.quarantine], [true, [total]])
})

for (const [name, what, text] of [
  ['another leaf', "admitted_leaf_index = admitted_leaf_index + 1 WHERE state = 'admitted'", /the ledger says \d+/],
  ['an admission that there was not', "state = 'admitted' WHERE state = 'waiting'", /no replay stands in the ledger/],
] as const)
  test(`ING-3 ING-4 conservation: fsck finds a row that tells of ${name}`, async () => {
    await using dir = await temporary()
    await replayed(dir.path)
    change(dir.path, what)
    const { ok, database } = await fsck(dir.path)
    assert.equal(ok, false)
    assert.ok(database.length > 0)
    for (const finding of database) assert.match(finding.text, text)
  })

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Body } from '@sealwatch/ledger'
import { enterOtherwise } from '../ingest/quarantine/test/enter-otherwise.ts'
import { withHash } from '../ingest/quarantine/test/frames.ts'
import { billing, one, openRooms, rowOf, signed, temporary } from '../ingest/rows/test/open-rows.ts'
import { byWhom, flip, whole } from '../ingest/test/open-ingest.ts'
import { fsckDir } from './test/fsck-dir.ts'

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

function change(dir: string, what: string): void {
  const database = new DatabaseSync(join(dir, 'index.sqlite'))
  database.exec(`UPDATE audit_signature_quarantine SET ${what}`)
  database.close()
}

test('ING-3 ING-4 conservation: fsck counts what was admitted by the replays of the ledger, whatever rows say of it', async () => {
  await using dir = await temporary()
  await replayed(dir.path)
  const total = { tenant: 'acme', items: 3, rows: 6, admitted: 4, waiting: 2, duplicate: 0, unopened: 0 }
  const sound = await fsckDir(dir.path)
  assert.deepEqual([sound.ok, sound.database, sound.quarantine], [true, [], [total]])
  // As a crash leaves it between the ledger and the row, which follows it.
  change(dir.path, "state = 'waiting', admitted_leaf_index = NULL WHERE state = 'admitted'")
  const behind = await fsckDir(dir.path)
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
    const { ok, database } = await fsckDir(dir.path)
    assert.equal(ok, false)
    assert.ok(database.length > 0)
    for (const finding of database) assert.match(finding.text, text)
  })

test('ING-3 conservation: fsck opens what is sealed: bytes that were replaced with their hash, and another receipt, are found', async () => {
  await using dir = await temporary()
  await replayed(dir.path)
  change(dir.path, "received_at = '2026-01-01T00:00:00.000000000Z' WHERE stub_leaf_index = 1")
  const path = join(dir.path, 'quarantine/acme/000000000000.items')
  const bytes = await readFile(path)
  await writeFile(path, withHash(flip(bytes, bytes.length - 1)))
  const { ok, database } = await fsckDir(dir.path)
  assert.equal(ok, false)
  assert.deepEqual(
    database.map(({ leaf, text }) => [leaf, text.replace(/^.{64}: | \S+Z/g, '')]),
    [
      [1, 'its row says that it came at, and what is sealed with it at'],
      [1, 'its row says that it came at, and its stub at'],
      [3, 'its bytes were altered'],
    ],
  )
})

test('ING-3 a copy without its keys: fsck says of how many items it could not say more', async () => {
  await using dir = await temporary()
  await replayed(dir.path)
  await rm(join(dir.path, 'keys/master-1.key'))
  for (const name of ['keys/keys.sqlite', undefined]) {
    const { ok, quarantine } = await fsckDir(dir.path)
    assert.deepEqual([ok, quarantine[0]?.unopened, quarantine[0]?.items], [true, 3, 3])
    if (name !== undefined) await rm(join(dir.path, name))
  }
})

/** A server with a bug writes what a replay wrote before once more; the leaves of the two. */
async function admitTwice(dir: string): Promise<readonly [number, number]> {
  await replayed(dir)
  await using rooms = await openRooms(dir)
  const lines = await rooms.leavesOf('acme')
  const first = lines.findIndex(({ submission_replay: replay }) => replay !== undefined)
  const own = lines.slice(first, first + 4).map(({ submission_replay, row, submission }) => ({
    ...(submission_replay && { submission_replay }),
    ...(row && { row }),
    ...(submission && { submission }),
  }))
  const { first: again } = await rooms.ledger.append({ own: own as Body[] })
  return [first, again]
}

test('ING-8 conservation: fsck finds an item that a ledger admits twice', async () => {
  await using dir = await temporary()
  const leaves = await admitTwice(dir.path)
  const { ok, database } = await fsckDir(dir.path)
  assert.equal(ok, false)
  const told = database.filter(({ store }) => store === 'quarantine')
  assert.deepEqual(
    told.map(({ leaf, text }) => [leaf, text.slice(66)]),
    [[leaves[1], `admitted twice, at leaf ${leaves[0]} and at leaf ${leaves[1]}`]],
  )
})

test('ING-8 conservation: rows that came in by another way are duplicates, and fsck holds their leaf against the ledger', async () => {
  await using dir = await temporary()
  {
    await using rooms = await openRooms(dir.path)
    await enterOtherwise(rooms, ['same', 'mine'], ['same', 'another'])
    await rooms.replays.replay(byWhom({ kind: 'operator', id: 'root' }, 'acme'), {}, whole)
  }
  const sound = await fsckDir(dir.path)
  assert.deepEqual([sound.database, sound.quarantine[0]?.duplicate, sound.quarantine[0]?.waiting], [[], 1, 1])
  change(dir.path, "state = 'duplicate', admitted_leaf_index = 5 WHERE state = 'waiting'")
  const { ok, database } = await fsckDir(dir.path)
  assert.equal(ok, false)
  assert.deepEqual(
    database.map(({ store, text }) => [store, text.slice(66)]),
    [['quarantine', 'its row says that its rows stand at leaf 5, and the ledger has others there']],
  )
})

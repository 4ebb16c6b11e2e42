// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtempDisposable, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { systemClock as clock, createLog, systemDisk as disk } from '@sealwatch/base'
import { openOwnSigner } from '@sealwatch/keys'
import { parseVkey, sha256 } from '@sealwatch/ledger'
import { indexEntries, openIndexHere, openLedgers } from '../ingest/index.ts'
import { createSegments } from '../ingest/quarantine/segments.ts'
import { createOutbox, openStore } from '../store/index.ts'
import { fsckDir } from './test/fsck-dir.ts'

const tenant = 'default'
const item = 'ab'.repeat(32)
const chain = 'cd'.repeat(16)

/** What a server leaves that signed and indexed some lines and quarantined a batch; nothing of it is open. */
async function lived(dir: string) {
  const ledgers = await openLedgers({
    dir: join(dir, 'ledgers'),
    deployment: 'sealwatch-00000000',
    tenants: [tenant],
    keysDir: join(dir, 'keys'),
    auditSigner: await openOwnSigner(join(dir, 'audit.key'), disk),
    log: createLog('test', () => undefined, clock.nowMs),
    labelKey: new Uint8Array(32),
    clock,
    disk,
  })
  const store = openStore(dir)
  const ledger = ledgers.get(tenant)
  for (let i = 0; i < 9; i += 1) await ledger.append({ own: { event: { i } } })
  const stub = { chain, first_seq: 0, next_seq: 5, reason: 'unknown_key', item }
  const { first } = await ledger.append({ own: { stub } })
  const segments = createSegments(join(dir, 'quarantine'), disk)
  const [place] = await segments.append(tenant, [{ item, sealed: Buffer.from('sealed bytes') }])
  await segments.close()
  const row = { item, tenant, host_id: 'h', chain, first_seq: 0, next_seq: 5, reason: 'unknown_key', detail: '' }
  const lies = { segment: place?.segment, segment_at: place?.at, kept_bytes: place?.bytes }
  const kept = { ...row, ...lies, signing_key_id: null, quarantined_at: '', stub_leaf_index: first }
  await store.db.insertInto('audit_signature_quarantine').values(kept).execute()
  const done = new AbortController()
  const onIndexed = (position: number) => {
    if (position === ledger.size) done.abort()
  }
  await ledgers.publish(0)
  const index = openIndexHere(store.indexPath)
  await indexEntries({ ledger, store, index, outbox: createOutbox(store), signal: done.signal, onIndexed })
  await index.close()
  const trust = [parseVkey(sha256, ledgers.vkey)]
  const { size } = ledger
  await ledgers.close()
  await store.close()
  const sql = (statement: string, file = 'entries.sqlite') => {
    const database = new DatabaseSync(join(dir, file))
    database.exec(statement)
    database.close()
  }
  const fsck = (repair = false) => fsckDir(dir, { trust, repair })
  return { size, stubLeaf: first, sql, fsck }
}

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-fsck-'))

test('LOG-6: what a server leaves hangs together; a server at work keeps fsck out', async () => {
  await using dir = await temporary()
  const { fsck } = await lived(dir.path)
  const { ok, database, ledgers, quarantine } = await fsck()
  assert.deepEqual([ok, database, ledgers.flatMap(({ findings }) => findings)], [true, [], []])
  assert.deepEqual(quarantine, [{ tenant, items: 1, rows: 5, admitted: 0, waiting: 5, duplicate: 0, unopened: 1 }])
  const store = openStore(dir.path)
  await assert.rejects(fsck(), { code: 'STORE_BUSY' })
  await store.close()
})

test('an index that is not there, or cannot be read, is no loss: the next start makes it', async () => {
  await using dir = await temporary()
  const { fsck } = await lived(dir.path)
  const path = join(dir.path, 'entries.sqlite')
  await writeFile(path, 'no database')
  const { ok, database } = await fsck()
  assert.deepEqual([ok, database.map(({ store, derived }) => [store, derived])], [false, [['index', true]]])
  assert.equal((await fsck(true)).ok, true)
  assert.equal(existsSync(path), false)
  assert.equal((await fsck()).ok, true)
})

test('an index that differs from the lines is told, and made anew when asked', async () => {
  for (const change of [
    "UPDATE entries SET kind = 'head' WHERE leaf_index = 4",
    'DELETE FROM entries WHERE leaf_index = 4',
    'UPDATE batches SET last_seq = last_seq + 1; UPDATE entries SET time_ms = 0 WHERE leaf_index = 4',
    'UPDATE spans SET to_ms = to_ms + 1',
    'DELETE FROM spans',
    'INSERT INTO span_classes SELECT tenant, first_leaf, 1007, 1 FROM spans',
  ]) {
    await using dir = await temporary()
    const { sql, fsck } = await lived(dir.path)
    sql(change)
    const found = await fsck()
    assert.deepEqual(
      found.database.map(({ store, derived, leaf }) => [store, derived, leaf]),
      [['index', true, change.includes('span') ? 0 : 4]],
    )
    assert.equal(found.ok, false)
    assert.deepEqual((await fsck(true)).reindexed, [tenant])
    assert.equal((await fsck()).ok, true)
  }
})

test('what no repair brings back is told: lines that were seen, quarantined bytes, their rows, the database', async () => {
  const told = async (change: (lives: Awaited<ReturnType<typeof lived>>, dir: string) => unknown) => {
    await using dir = await temporary()
    const lives = await lived(dir.path)
    await change(lives, dir.path)
    const { ok, database } = await lives.fsck(true)
    assert.equal(ok, false)
    return database.map(({ store, derived, leaf }) => `${store} ${derived ? 'derived' : 'truth'} ${leaf}`)
  }
  const { size, stubLeaf } = await (async () => {
    await using dir = await temporary()
    return await lived(dir.path)
  })()
  assert.deepEqual(await told(({ sql }) => sql('UPDATE cursors SET position = position + 1')), [`index truth ${size}`])
  assert.deepEqual(await told(({ sql }) => sql('DELETE FROM audit_signature_quarantine', 'index.sqlite')), [
    `quarantine truth ${stubLeaf}`,
  ])
  assert.deepEqual(
    await told(({ sql }) => sql('UPDATE audit_signature_quarantine SET stub_leaf_index = 3', 'index.sqlite')),
    ['quarantine truth 3'],
  )
  assert.deepEqual(await told((_, dir) => rm(join(dir, 'index.sqlite'))), ['database truth undefined'])
})

const segment = 'quarantine/default/000000000000.items'
const inRow = (change: string) => (_: string, sql: (statement: string, file: string) => void) =>
  sql(`UPDATE audit_signature_quarantine SET ${change}`, 'index.sqlite')
const broken: readonly [string, (dir: string, sql: (statement: string, file: string) => void) => unknown, RegExp][] = [
  ['its segment was deleted', (dir) => rm(join(dir, segment)), /its bytes are gone/],
  ['its segment was cut', async (dir) => truncate(join(dir, segment), 79), /its bytes are gone/],
  ['one byte is another', (dir) => flipLast(join(dir, segment)), /its bytes were altered/],
  ['its row names another place', inRow('segment_at = 1'), /its bytes are gone/],
  ['its row says a size that nothing has', inRow('kept_bytes = 1e15'), /its bytes were altered/],
  ['its row has another reason', inRow("reason = 'key_expired'"), /is not its stub/],
  ['its row covers other lines', inRow('next_seq = 4'), /is not its stub/],
  ['its row says that it was admitted', inRow("state = 'admitted', admitted_leaf_index = 3"), /no replay stands in/],
]
for (const [name, change, text] of broken)
  test(`ING-3 conservation: of a quarantined item fsck finds that ${name}`, async () => {
    await using dir = await temporary()
    const { sql, fsck, stubLeaf } = await lived(dir.path)
    await change(dir.path, sql)
    const { ok, database } = await fsck(true)
    assert.equal(ok, false)
    assert.deepEqual(
      database.map(({ store, derived, leaf }) => [store, derived, leaf]),
      [['quarantine', false, stubLeaf]],
    )
    assert.match(database[0]?.text ?? '', text)
  })

async function flipLast(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
  await writeFile(path, bytes)
}

test('an item in a file of its own, as servers wrote them before, is looked for there', async () => {
  await using dir = await temporary()
  const { sql, fsck } = await lived(dir.path)
  sql('UPDATE audit_signature_quarantine SET segment = NULL, segment_at = NULL, kept_bytes = NULL', 'index.sqlite')
  assert.match((await fsck()).database[0]?.text ?? '', /its bytes are gone/)
  await mkdir(join(dir.path, 'quarantine/default'), { recursive: true })
  await writeFile(join(dir.path, 'quarantine/default', item), 'sealed bytes')
  assert.equal((await fsck()).ok, true)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp, mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { CompiledQuery } from 'kysely'
import { across, openEntries, openStore, writeAnew } from './index.ts'
import { migrations } from './migrations.ts'

const temporary = () => mkdtempDisposable(join(tmpdir(), 'sealwatch-store-'))

test('a derived transaction is whole, too, and leaves the others durable', async () => {
  await using dir = await temporary()
  const store = openStore(dir.path)
  const head = (ledger: string) => ({ ledger, size: 1, root: 'r' })
  const level = async () => {
    const { rows } = await store.db.executeQuery<{ synchronous: number }>(CompiledQuery.raw('PRAGMA synchronous'))
    return rows[0]?.synchronous
  }
  const insert = (...ledgers: string[]) =>
    store.derived(async (tx) => {
      for (const ledger of ledgers) await tx.insertInto('signed_heads').values(head(ledger)).execute()
    })
  const full = await level()
  await insert('a')
  assert.equal(await level(), full)
  await assert.rejects(insert('b', 'a'))
  assert.equal(await level(), full)
  assert.equal((await store.db.selectFrom('signed_heads').selectAll().execute()).length, 1)
  await store.close()
})

test('the index is read here and written elsewhere; one that is of another version, or none at all, is begun anew', async () => {
  await using dir = await temporary()
  const path = join(dir.path, 'entries.sqlite')
  const cursors = async () => {
    const store = openStore(dir.path)
    await assert.rejects(across(store.index, 'status').deleteFrom('cursors').execute(), /readonly/)
    const rows = await across(store.index, 'status').selectFrom('cursors').select('tenant').execute()
    await store.close()
    return rows.map(({ tenant }) => tenant)
  }
  const write = () => {
    const database = openEntries(path)
    database.exec("INSERT INTO cursors VALUES ('t', 1, 0)")
    database.close()
  }
  assert.deepEqual(await cursors(), [])
  write()
  assert.deepEqual(await cursors(), ['t'])
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 999')
  database.close()
  assert.deepEqual(await cursors(), [])
  write()
  await writeFile(path, 'these bytes are no database, however many of them there are')
  assert.deepEqual(await cursors(), [])
})

test('a database of the time when the index was in it keeps what it controls, and what its index had seen', async () => {
  await using dir = await temporary()
  const older = new DatabaseSync(join(dir.path, 'index.sqlite'))
  for (const migration of migrations.slice(0, 3)) older.exec(migration)
  older.exec(`PRAGMA user_version = 3; INSERT INTO cursors VALUES ('index', 't', 7, 0);
    INSERT INTO outbox (uid, tenant, body) VALUES ('u', 't', '{}')`)
  older.close()
  const store = openStore(dir.path)
  const [cursor] = await across(store.db, 'status').selectFrom('cursors').selectAll().execute()
  assert.deepEqual([cursor?.follower, cursor?.position], ['index', 7])
  assert.equal((await across(store.db, 'status').selectFrom('outbox').selectAll().execute()).length, 1)
  assert.equal((await across(store.index, 'status').selectFrom('cursors').selectAll().execute()).length, 0)
  await store.close()
})

test('LOG-11: what was deleted is in no file after a scrub, nor in the log after a crash', async () => {
  await using dir = await temporary()
  const word = 'zqmark'
  const isLeft = (of = dir.path) => readdirSync(of).filter((file) => readFileSync(join(of, file)).includes(word))
  const copied = async () => {
    const to = await mkdtemp(join(tmpdir(), 'sealwatch-store-'))
    for (const file of readdirSync(dir.path)) copyFileSync(join(dir.path, file), join(to, file))
    return to
  }
  let store = openStore(dir.path, async (path) => {
    await new Promise(setImmediate)
    writeAnew(path)
  })
  // Rows of many sizes that come and go: SQLite moves them from page to page.
  let state = 7919
  const below = (n: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor(state / 2 ** 16) % n
  }
  await store.transaction(async (tx) => {
    for (let i = 0; i < 3_000; i += 1) {
      const tenant = ['aa', 'doomed', 'zz'][below(3)] as string
      const text = tenant === 'doomed' ? word : 'other'
      const policy_id = `${text}${below(500)}`
      const document = text.repeat(1 + below(below(10) === 0 ? 300 : 40))
      const versions = tx.deleteFrom('security_policy_versions').where('tenant', '=', tenant)
      await versions.where('policy_id', '=', policy_id).execute()
      if (below(3) === 0) continue
      const none = { digest: '', statement_digest: '', envelope: '', changed_at: '', changed_by: '', line_uid: '' }
      const row = { tenant, policy_id, version: 1, change: 'created', document, ...none, bytes: 1 } as const
      await tx.insertInto('security_policy_versions').values(row).execute()
    }
  })
  assert.deepEqual(isLeft(), ['index.sqlite-wal'])
  await store.forget('doomed')
  await store.transaction(async (tx) => store.owesScrub(tx))
  const crashed = await copied()
  await store.scrub()
  assert.deepEqual(isLeft(), [])
  // Of the rows nothing was left in the tables, and the process ended before the scrub.
  const resumed = openStore(crashed)
  assert.deepEqual(isLeft(crashed), [])
  await resumed.close()
  rmSync(crashed, { recursive: true })
  assert.ok(
    (await store.db.selectFrom('security_policy_versions').select('version').where('tenant', '=', 'aa').execute())
      .length,
  )

  await store.db.insertInto('signed_heads').values({ ledger: word, size: 1, root: 'r' }).execute()
  await store.db.deleteFrom('signed_heads').execute()
  assert.deepEqual(isLeft(), ['index.sqlite-wal'])
  // The process ends here: what it has open stays as it is, elsewhere.
  await using after = await temporary()
  for (const file of readdirSync(dir.path)) copyFileSync(join(dir.path, file), join(after.path, file))
  await store.close()
  store = openStore(after.path)
  assert.deepEqual(
    readdirSync(after.path).filter((file) => readFileSync(join(after.path, file)).includes(word)),
    [],
  )
  await store.close()
})

test('LOG-11: what was written anew elsewhere is not written anew here once more, and whoever reads the file between is waited for', async () => {
  await using dir = await temporary()
  const file = join(dir.path, 'index.sqlite')
  const reading = `const { DatabaseSync } = require('node:sqlite')
    const { workerData, parentPort } = require('node:worker_threads')
    const database = new DatabaseSync(workerData.file)
    database.exec('BEGIN; SELECT count(*) FROM sqlite_master')
    parentPort.postMessage('reads')
    // Another process that copies it: it is done when the server waits already.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    database.exec('COMMIT')
    database.close()`
  let owed: unknown
  const store = openStore(dir.path, async (path) => {
    writeAnew(path)
    const database = new DatabaseSync(path)
    owed = database.prepare('PRAGMA application_id').get()?.application_id
    database.close()
    await once(new Worker(reading, { eval: true, workerData: { file } }), 'message')
  })
  await store.transaction(async (tx) => store.owesScrub(tx))
  await store.scrub()
  assert.equal(owed, 0)
  await store.db.insertInto('signed_heads').values({ ledger: 'after', size: 1, root: 'r' }).execute()
  await store.close()
})

test('LOG-11: a stop while the file is written anew waits for that', async () => {
  await using dir = await temporary()
  const begun = Promise.withResolvers<void>()
  const store = openStore(dir.path, async (path) => {
    begun.resolve()
    await new Promise(setImmediate)
    writeAnew(path)
  })
  const scrubbed = store.scrub()
  await begun.promise
  await Promise.all([store.close(), scrubbed])
  await openStore(dir.path).close()
})

test('LOG-6: where the reserve cannot be given up, what is taken hears of the full disk, and the server starts', async () => {
  await using dir = await temporary()
  // What cannot be removed as a file can.
  mkdirSync(join(dir.path, 'reserve'))
  const store = openStore(dir.path)
  const isFull = Object.assign(new Error('database or disk is full'), { errcode: 13 })
  await assert.rejects(
    store.taking(() => Promise.reject(isFull)),
    isFull,
  )
  store.holdReserve()
  await store.close()
})

test('LOG-11: those who ask for a scrub while one waits share it; what is asked meanwhile waits, and a full disk is told', async () => {
  await using dir = await temporary()
  let rewritten = 0
  let isFull = false
  const store = openStore(dir.path, async (path) => {
    rewritten += 1
    if (isFull) throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
    await new Promise(setImmediate)
    writeAnew(path)
  })
  const insert = (ledger: string) =>
    store.db.insertInto('signed_heads').values({ ledger, size: 1, root: 'r' }).execute()
  await insert('before')
  const first = store.scrub()
  await new Promise(process.nextTick)
  const more = [store.scrub(), store.scrub(), insert('meanwhile')]
  await Promise.all([first, ...more])
  assert.ok(rewritten <= 2)
  isFull = true
  await assert.rejects(store.scrub(), { code: 'DISK_FULL' })
  await insert('after')
  const heads = await store.db.selectFrom('signed_heads').select('ledger').orderBy('ledger').execute()
  assert.deepEqual(
    heads.map(({ ledger }) => ledger),
    ['after', 'before', 'meanwhile'],
  )
  await store.close()
})

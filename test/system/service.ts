// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { systemClock as clock } from '@sealwatch/base'
import { addRows, sqliteOutbox, sqliteOutboxTables } from '@sealwatch/producer'
import { eventually, type Platform } from './platform.ts'

const rowsPerCommit = 50
/** The service is faster than any ledger: it waits while that many rows wait. */
const waitingMax = 20_000

export const rowText = (n: number) => JSON.stringify({ invoice: n, by: 'ana' })

/** A service that commits numbered rows as fast as they go out, and now and then rolls some back. */
export async function startService(platform: Platform) {
  const path = (name: string) => join(platform.data, name)
  async function makeKey(id: string): Promise<string> {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    await writeFile(path(`${id}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    await writeFile(path(`${id}.pub`), publicKey.export({ type: 'spki', format: 'pem' }))
    return path(`${id}.pem`)
  }
  await makeKey('billing-1')
  const say = async (...args: string[]) => {
    const { code, stdout, stderr } = await platform.sealwatch(...args, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout) as { token: string; server: { api: string } }
  }
  await say('producer', 'add', 'billing')
  await say('signing-key', 'add', 'billing', path('billing-1.pub'), '--id', 'billing-1')
  const made = await say('token', 'create', 'billing', '--may', 'rows:write', '--service', 'billing')
  await writeFile(path('token'), made.token, { mode: 0o600 })
  const url = (await say('status')).server.api

  const file = path('service.sqlite')
  const connect = () => new DatabaseSync(file, { timeout: 5000 })
  const database = connect()
  database.exec('PRAGMA journal_mode=WAL')
  database.exec(`CREATE TABLE invoices (n INTEGER) STRICT; ${sqliteOutboxTables}`)
  const outbox = sqliteOutbox(connect())

  const argv = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'row-forwarder.ts')]
  let keyId = 'billing-1'
  const startForwarder = () =>
    spawn(process.execPath, [...argv, file, keyId, path(`${keyId}.pem`), path('token'), url], { stdio: 'inherit' })
  let forwarder = startForwarder()

  function commit(from: number, isKept: boolean): void {
    const numbers = Array.from({ length: rowsPerCommit }, (_, i) => from + i)
    database.exec('BEGIN IMMEDIATE')
    const insert = database.prepare('INSERT INTO invoices VALUES (?)')
    for (const n of numbers) insert.run(n)
    addRows(database, numbers.map(rowText))
    database.exec(isKept ? 'COMMIT' : 'ROLLBACK')
  }

  let working = true
  const work = (async () => {
    let next = 0
    for (let turn = 0; working; turn += 1) {
      const isKept = turn % 7 !== 0
      commit(next, isKept)
      if (isKept) next += rowsPerCommit
      const isFull = turn % 20 === 0 && (await outbox.depth()).rows > waitingMax
      await clock.sleep(isFull ? 50 : 0)
    }
    return next
  })()

  async function killForwarder(): Promise<void> {
    await end(forwarder, 'SIGKILL')
    // As if the time of its lease had passed.
    database.exec('UPDATE forwarder_lease SET until_ms = 0')
    forwarder = startForwarder()
  }

  return {
    outbox,
    /** Returns where its private half lies. */
    makeKey,
    killForwarder,
    /** Signs with another key from now on. */
    switchKey: async (id: string) => {
      keyId = id
      await killForwarder()
    },
    /** Stops working, waits until everything is sent; returns how many rows were committed. */
    finish: async () => {
      working = false
      const committed = await work
      await eventually('the outbox to be empty', async () => (await outbox.depth()).rows === 0 || undefined, 60_000)
      return committed
    },
    stop: async () => {
      working = false
      await work
      await end(forwarder, 'SIGTERM')
      database.close()
    },
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

export type LedgerRow = { readonly text: string; readonly key_id: string }

/** The rows in the order of their leaves, from a bundle that verifies. */
export async function rowsInLedger(platform: Platform): Promise<readonly LedgerRow[]> {
  const file = join(platform.data, 'all.bundle')
  const exported = await platform.sealwatch('audit', 'export', '--all', '-o', file)
  assert.equal(exported.code, 0, exported.stderr)
  const verified = await platform.sealwatch('audit', 'verify', file, '--json')
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  const rows: LedgerRow[] = []
  for await (const record of createInterface({ input: createReadStream(file) })) {
    const { row } = JSON.parse(record) as { row?: LedgerRow }
    if (row !== undefined) rows.push(row)
  }
  return rows
}

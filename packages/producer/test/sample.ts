// SPDX-License-Identifier: Apache-2.0

import { generateKeyPairSync } from 'node:crypto'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { rowsOf, type SignedRows, type SubmissionOutcome } from '@sealwatch/contract'
import type { OutboxStore } from '../src/outbox/outbox.ts'
import { addRowsPg, addSubmissionPg, postgresOutbox, postgresOutboxTables } from '../src/outbox/postgres.ts'
import { addRows, addSubmission, sqliteOutbox, sqliteOutboxTables } from '../src/outbox/sqlite.ts'
import { sendFailed } from '../src/send/sender.ts'
import { keySigner } from '../src/signer.ts'
import type { startPostgres } from './postgres.ts'

export const signer = keySigner('billing-1', generateKeyPairSync('ed25519').privateKey)

/** An outbox on a real database, as a service and a forwarder use it. */
export type Bench = {
  /** In a transaction of the service's own, which fails where `fail` says so. */
  add(rows: readonly string[], fail?: boolean): Promise<void>
  addSigned(submission: SignedRows): Promise<void>
  /** On connections of its own. */
  outbox(): OutboxStore
  /** The lease is over, as if its time had passed. */
  expireLease(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export async function sqliteBench(): Promise<Bench> {
  const dir = await mkdtempDisposable(join(tmpdir(), 'sealwatch-producer-'))
  const path = join(dir.path, 'service.sqlite')
  const open: DatabaseSync[] = []
  const connect = () => {
    const database = new DatabaseSync(path, { timeout: 5000 })
    database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF')
    open.push(database)
    return database
  }
  const own = connect()
  own.exec(sqliteOutboxTables)
  own.exec('CREATE TABLE invoices (n INTEGER)')
  return {
    add: async (rows, fail = false) => {
      own.exec('BEGIN')
      try {
        own.exec('INSERT INTO invoices VALUES (1)')
        addRows(own, rows)
        own.exec(fail ? 'ROLLBACK' : 'COMMIT')
      } finally {
        if (own.isTransaction) own.exec('ROLLBACK')
      }
    },
    addSigned: async (submission) => addSubmission(own, submission),
    outbox: () => sqliteOutbox(connect()),
    expireLease: async () => own.exec('UPDATE forwarder_lease SET until_ms = 0'),
    [Symbol.asyncDispose]: async () => {
      for (const database of open) database.close()
      await dir[Symbol.asyncDispose]()
    },
  }
}

export async function postgresBench(postgres: ReturnType<typeof startPostgres>): Promise<Bench> {
  const own = postgres.pool()
  await own.query('DROP TABLE IF EXISTS audit_outbox, pending_forward, forwarder_lease, invoices')
  await own.query(`${postgresOutboxTables}; CREATE TABLE invoices (n int)`)
  const pools = [own]
  return {
    add: async (rows, fail = false) => {
      const client = await own.connect()
      await client.query('BEGIN')
      await client.query('INSERT INTO invoices VALUES (1)')
      await addRowsPg(client, rows)
      await client.query(fail ? 'ROLLBACK' : 'COMMIT')
      client.release()
    },
    addSigned: async (submission) => {
      const client = await own.connect()
      await addSubmissionPg(client, submission)
      client.release()
    },
    outbox: () => {
      const pool = postgres.pool()
      pools.push(pool)
      return postgresOutbox(pool)
    },
    expireLease: async () => {
      await own.query('UPDATE forwarder_lease SET until_ms = 0')
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(pools.map((pool) => pool.end()))
    },
  }
}

/** A control plane as submission.md, 5 has it: each id once, the first bytes count. */
export function createLedgerOfOutcomes(
  judge: (submission: SignedRows) => SubmissionOutcome | undefined = () => undefined,
) {
  const rows: string[] = []
  const ids = new Map<string, number>()
  let requests = 0
  function take(submission: SignedRows): SubmissionOutcome {
    const known = ids.get(submission.id)
    if (known !== undefined) return { kind: 'duplicate', leafIndex: known }
    const judged = judge(submission)
    if (judged !== undefined) return judged
    const read = rowsOf(submission.payload)
    if ('fault' in read) return { kind: 'refused', code: 'SUBMISSION_MALFORMED', detail: read.fault }
    rows.push(...read.rows)
    ids.set(submission.id, rows.length)
    return { kind: 'admitted', leafIndex: rows.length }
  }
  return {
    rows,
    get requests() {
      return requests
    },
    send: async (submissions: readonly SignedRows[]) => {
      requests += 1
      return submissions.map(take)
    },
    lost: sendFailed,
  }
}

// SPDX-License-Identifier: Apache-2.0

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { type Clock, systemClock } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { producerError } from '../errors.ts'
import {
  type Connection,
  checkRoom,
  checkRows,
  heldRows,
  insertPending,
  insertRow,
  type OutboxStore,
  outboxRowsMax,
  outboxStore,
  pendingValues,
} from './outbox.ts'

/** For the service's own migrations. */
export const sqliteOutboxTables = `
CREATE TABLE IF NOT EXISTS audit_outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, row_text TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pending_forward (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, form TEXT NOT NULL, payload BLOB NOT NULL,
  payload_type TEXT NOT NULL, key_id TEXT NOT NULL, algorithm TEXT NOT NULL, signature BLOB NOT NULL,
  row_count INTEGER NOT NULL, created_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'parked')), reason TEXT) STRICT;
CREATE INDEX IF NOT EXISTS pending_forward_state ON pending_forward (state, seq);
CREATE TABLE IF NOT EXISTS forwarder_lease (
  name TEXT PRIMARY KEY, holder TEXT NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

const questionMarks = (text: string) => text.replaceAll('$', '?')

export type AddOptions = { readonly clock?: Clock; readonly rowsMax?: number }

/**
 * Writes rows to the outbox on the caller's connection, in the transaction that is open on it: they are sent if it
 * commits, and never were if it does not. Throws PRODUCER_ROW, OUTBOX_FULL.
 */
export function addRows(database: DatabaseSync, rows: readonly string[], options: AddOptions = {}): void {
  const { clock = systemClock, rowsMax = outboxRowsMax } = options
  checkRows(rows)
  const { held } = database.prepare(heldRows).get() as { held: number }
  checkRoom(held, rows.length, rowsMax)
  const insert = database.prepare(questionMarks(insertRow))
  for (const row of rows) insert.run(row, clock.nowMs())
}

/** The same for what the service has signed itself. The same id a second time throws what SQLite says. */
export function addSubmission(
  database: DatabaseSync,
  submission: SignedRows,
  { clock = systemClock }: AddOptions = {},
) {
  database.prepare(questionMarks(insertPending)).run(...pendingValues(submission, clock.nowMs()))
}

/** For the forwarder, on a connection of its own. */
export function sqliteOutbox(database: DatabaseSync): OutboxStore {
  const query: Connection['query'] = async (text, values = []) =>
    database.prepare(questionMarks(text)).all(...(values as SQLInputValue[])) as Record<string, unknown>[]
  return outboxStore({
    dialect: {
      now: `CAST(unixepoch('subsec') * 1000 AS INTEGER)`,
      numbers: 'SELECT value FROM json_each($1)',
      lock: '',
    },
    query,
    transaction: async (work) => {
      if (database.isTransaction) throw producerError('OUTBOX_SHARED', { attempted: 'beginning a transaction' })
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = await work(query)
        database.exec('COMMIT')
        return result
      } catch (error) {
        // On some errors, a full disk among them, SQLite has rolled back already.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    },
  })
}

// SPDX-License-Identifier: Apache-2.0

import { type Clock, systemClock } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import {
  checkRoom,
  checkRows,
  heldRows,
  insertPending,
  type OutboxStore,
  outboxRowsMax,
  outboxStore,
  pendingValues,
  type Query,
} from './outbox.ts'

/** For the service's own migrations. */
export const postgresOutboxTables = `
CREATE TABLE IF NOT EXISTS audit_outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row_text text NOT NULL, created_ms bigint NOT NULL);
CREATE TABLE IF NOT EXISTS pending_forward (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE, form text NOT NULL,
  payload bytea NOT NULL, payload_type text NOT NULL, key_id text NOT NULL, algorithm text NOT NULL,
  signature bytea NOT NULL, row_count integer NOT NULL, created_ms bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'parked')), reason text);
CREATE INDEX IF NOT EXISTS pending_forward_state ON pending_forward (state, seq);
CREATE TABLE IF NOT EXISTS forwarder_lease (name text PRIMARY KEY, holder text NOT NULL, until_ms bigint NOT NULL);
`

/** A client of `pg`, or whatever asks as it does. */
export type PgClient = {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
}
/** A pool of `pg`. */
export type PgPool = { connect(): Promise<PgClient & { release(error?: Error | boolean): void }> }

const queryOf =
  (client: PgClient): Query =>
  async (text, values = []) =>
    (await client.query(text, [...values])).rows

/**
 * Writes rows to the outbox with the caller's client, in the transaction that is open on it: they are sent if it commits,
 * and never were if it does not. Throws PRODUCER_ROW, OUTBOX_FULL.
 */
export async function addRowsPg(
  client: PgClient,
  rows: readonly string[],
  { clock = systemClock, rowsMax = outboxRowsMax }: { readonly clock?: Clock; readonly rowsMax?: number } = {},
): Promise<void> {
  checkRows(rows)
  const [found] = (await client.query(heldRows)).rows
  checkRoom(Number(found?.held), rows.length, rowsMax)
  await client.query(
    `INSERT INTO audit_outbox (row_text, created_ms)
     SELECT row_text, $2::bigint FROM unnest($1::text[]) WITH ORDINALITY AS rows (row_text, place) ORDER BY place`,
    [[...rows], clock.nowMs()],
  )
}

/** The same for what the service has signed itself. The same id a second time throws what PostgreSQL says. */
export async function addSubmissionPg(
  client: PgClient,
  submission: SignedRows,
  { clock = systemClock }: { readonly clock?: Clock } = {},
): Promise<void> {
  await client.query(insertPending, pendingValues(submission, clock.nowMs()))
}

/** For the forwarder: it takes a client from the pool for each step. */
export function postgresOutbox(pool: PgPool): OutboxStore {
  async function withClient<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      // In whatever state it is: the pool makes another one.
      client.release(true)
      throw error
    }
  }
  return outboxStore({
    dialect: {
      now: '(extract(epoch FROM clock_timestamp()) * 1000)::bigint',
      numbers: 'SELECT value::bigint FROM json_array_elements_text($1::json)',
      lock: ' FOR UPDATE',
    },
    query: (text, values) => withClient((client) => queryOf(client)(text, values)),
    transaction: (work) =>
      withClient(async (client) => {
        await client.query('BEGIN')
        const result = await work(queryOf(client))
        await client.query('COMMIT')
        return result
      }),
  })
}

// SPDX-License-Identifier: Apache-2.0

import { rowFault, rowsOf, type SignedRows } from '@sealwatch/contract'
import { producerError } from '../errors.ts'

/** Rows that an outbox may hold before it refuses more. */
export const outboxRowsMax = 1_000_000

/** What is asked of a database; the values stand for $1, $2, … */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>

/** What differs between the two databases. */
export type Dialect = {
  /** Unix milliseconds, by the database's own clock: all who share it agree. */
  readonly now: string
  /** The numbers of a JSON list. */
  readonly numbers: string
  /** Behind a select: nobody else changes the row until the transaction ends. */
  readonly lock: string
}

export type Connection = {
  readonly dialect: Dialect
  query: Query
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
}

export type WaitingRow = { readonly seq: number; readonly text: string; readonly createdMs: number }
export type Pending = SignedRows & { readonly seq: number; readonly rows: number }
export type OutboxDepth = {
  /** Rows that wait, signed or not. */
  readonly rows: number
  /** Of them the oldest, by the database's clock. */
  readonly oldestSeconds: number
  readonly parkedSubmissions: number
  readonly parkedRows: number
}
export type Parked = { readonly id: string; readonly rows: number; readonly reason: string }

/** What a forwarder needs of an outbox. */
export type OutboxStore = {
  /** Takes the lease or prolongs it; false: another forwarder has it. */
  lease(holder: string, ttlMs: number): Promise<boolean>
  release(holder: string): Promise<void>
  waiting(max: number): Promise<readonly WaitingRow[]>
  /** The rows become a submission, in one transaction. Throws LEASE_LOST. */
  group(holder: string, rows: readonly WaitingRow[], submission: SignedRows): Promise<void>
  /** A row that can never be sent: aside it goes, and out of the way. Throws LEASE_LOST. */
  parkRow(holder: string, row: WaitingRow, reason: string): Promise<void>
  /** The submissions that are next, in their order. */
  due(max: number): Promise<readonly Pending[]>
  /** Takes out what the control plane has, and parks what it will never take, with its reason. */
  settle(done: readonly number[], parked: readonly { readonly seq: number; readonly reason: string }[]): Promise<void>
  depth(): Promise<OutboxDepth>
  parked(max: number): Promise<readonly Parked[]>
  /** Parked submissions are sent once more, as they are; all, or those of these ids. */
  retryParked(ids?: readonly string[]): Promise<void>
}

export function checkRows(rows: readonly string[]): void {
  const fault = rows.map(rowFault).find((found) => found !== undefined)
  if (fault !== undefined) throw producerError('PRODUCER_ROW', { attempted: 'adding to the outbox', received: fault })
}

export function checkRoom(held: number, rows: number, rowsMax: number): void {
  if (held + rows <= rowsMax) return
  throw producerError('OUTBOX_FULL', { attempted: `adding ${rows} rows to the outbox`, received: `${held} rows in it` })
}

export const insertRow = 'INSERT INTO audit_outbox (row_text, created_ms) VALUES ($1, $2)'
/** At most: numbers of rows that were rolled back are not given again. */
export const heldRows = 'SELECT coalesce(max(seq) - min(seq) + 1, 0) AS held FROM audit_outbox'
export const insertPending = `INSERT INTO pending_forward
  (id, form, payload, payload_type, key_id, algorithm, signature, row_count, created_ms, state, reason)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`

export function pendingValues(rows: SignedRows, createdMs: number): (string | number | Uint8Array | null)[] {
  const { id, form, payload, payloadType, keyId, algorithm, signature } = rows
  const read = rowsOf(payload)
  if ('fault' in read) throw producerError('PRODUCER_ROW', { attempted: `keeping ${id}`, received: read.fault })
  return [id, form, payload, payloadType, keyId, algorithm, signature, read.rows.length, createdMs, 'pending', null]
}

/** The lease stands in a row of its own; whose it is decides the database's clock. */
export function outboxStore({ dialect, query, transaction }: Connection): OutboxStore {
  const { now, numbers, lock } = dialect

  async function holding(ask: Query, holder: string): Promise<void> {
    const held = `SELECT holder FROM forwarder_lease WHERE name = 'forwarder' AND holder = $1 AND until_ms > ${now}${lock}`
    if ((await ask(held, [holder])).length === 1) return
    throw producerError('LEASE_LOST', { attempted: 'taking rows from the outbox' })
  }

  async function take(ask: Query, rows: readonly WaitingRow[]): Promise<void> {
    const seqs = JSON.stringify(rows.map(({ seq }) => seq))
    const taken = await ask(`DELETE FROM audit_outbox WHERE seq IN (${numbers}) RETURNING seq`, [seqs])
    if (taken.length !== rows.length) throw producerError('LEASE_LOST', { attempted: 'taking rows from the outbox' })
  }

  return {
    lease: async (holder, ttlMs) => {
      const taken = await query(
        `INSERT INTO forwarder_lease (name, holder, until_ms) VALUES ('forwarder', $1, ${now} + $2)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms
         WHERE forwarder_lease.holder = excluded.holder OR forwarder_lease.until_ms <= ${now} RETURNING holder`,
        [holder, ttlMs],
      )
      return taken.length === 1
    },
    release: async (holder) => {
      await query(`DELETE FROM forwarder_lease WHERE name = 'forwarder' AND holder = $1`, [holder])
    },
    waiting: async (max) => {
      const rows = await query('SELECT seq, row_text, created_ms FROM audit_outbox ORDER BY seq LIMIT $1', [max])
      return rows.map(({ seq, row_text, created_ms }) => ({
        seq: Number(seq),
        text: row_text as string,
        createdMs: Number(created_ms),
      }))
    },
    group: (holder, rows, submission) =>
      transaction(async (ask) => {
        await holding(ask, holder)
        await take(ask, rows)
        await ask(insertPending, pendingValues(submission, rows[0]?.createdMs ?? 0))
      }),
    parkRow: (holder, row, reason) =>
      transaction(async (ask) => {
        await holding(ask, holder)
        await take(ask, [row])
        const nothing = new Uint8Array(0)
        const bytes = Buffer.from(row.text)
        const values = [`row-${row.seq}`, 'detached', bytes, 'text/plain', '', '', nothing, 1, row.createdMs]
        await ask(insertPending, [...values, 'parked', reason])
      }),
    due: async (max) => {
      const rows = await query(`SELECT * FROM pending_forward WHERE state = 'pending' ORDER BY seq LIMIT $1`, [max])
      return rows.map(pendingOf)
    },
    settle: (done, parked) =>
      transaction(async (ask) => {
        if (done.length > 0) await ask(`DELETE FROM pending_forward WHERE seq IN (${numbers})`, [JSON.stringify(done)])
        for (const { seq, reason } of parked)
          await ask(`UPDATE pending_forward SET state = 'parked', reason = $2 WHERE seq = $1`, [seq, reason])
      }),
    depth: async () => {
      const [found] = await query(`SELECT (SELECT count(*) FROM audit_outbox)
        + (SELECT coalesce(sum(row_count), 0) FROM pending_forward WHERE state = 'pending') AS waiting,
        ${now} - coalesce((SELECT min(created_ms) FROM pending_forward WHERE state = 'pending'),
          (SELECT created_ms FROM audit_outbox ORDER BY seq LIMIT 1), ${now}) AS oldest,
        (SELECT count(*) FROM pending_forward WHERE state = 'parked') AS submissions,
        (SELECT coalesce(sum(row_count), 0) FROM pending_forward WHERE state = 'parked') AS parked_rows`)
      return {
        rows: Number(found?.waiting),
        oldestSeconds: Math.max(0, Number(found?.oldest) / 1000),
        parkedSubmissions: Number(found?.submissions),
        parkedRows: Number(found?.parked_rows),
      }
    },
    parked: async (max) => {
      const text = `SELECT id, row_count, reason FROM pending_forward WHERE state = 'parked' ORDER BY seq LIMIT $1`
      const rows = await query(text, [max])
      return rows.map(({ id, row_count, reason }) => ({
        id: id as string,
        rows: Number(row_count),
        reason: reason as string,
      }))
    },
    retryParked: async (ids) => {
      const again = `UPDATE pending_forward SET state = 'pending', reason = NULL WHERE state = 'parked' AND algorithm <> ''`
      if (ids === undefined) await query(again)
      else for (const id of ids) await query(`${again} AND id = $1`, [id])
    },
  }
}

const pendingOf = (row: Record<string, unknown>): Pending => ({
  seq: Number(row.seq),
  id: row.id as string,
  form: row.form as SignedRows['form'],
  payload: new Uint8Array(row.payload as Uint8Array),
  payloadType: row.payload_type as string,
  keyId: row.key_id as string,
  algorithm: row.algorithm as string,
  signature: new Uint8Array(row.signature as Uint8Array),
  rows: Number(row.row_count),
})

// SPDX-License-Identifier: Apache-2.0

import { CompiledQuery } from 'kysely'
import type { Tx } from './store.ts'
import type { Tables } from './tables.ts'

/** Rows in one statement: its text is the same each time, so it is prepared once. SQLite binds at most 32,766 values. */
const rowsAtOnce = 128

/** Inserts many rows of the same members; what is left over goes row by row. */
export async function insertRows<Table extends keyof Tables & string>(
  tx: Tx,
  table: Table,
  rows: readonly { readonly [Column in keyof Tables[Table]]: Tables[Table][Column] }[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {}) as (keyof Tables[Table] & string)[]
  const place = `(${columns.map(() => '?').join(', ')})`
  const into = `INSERT INTO ${table} (${columns.join(', ')}) VALUES `
  const many = into + Array(rowsAtOnce).fill(place).join(', ')
  for (let from = 0; from < rows.length; ) {
    const to = from + rowsAtOnce <= rows.length ? from + rowsAtOnce : from + 1
    const values: unknown[] = []
    for (let i = from; i < to; i += 1) for (const column of columns) values.push((rows[i] as Tables[Table])[column])
    await tx.executeQuery(CompiledQuery.raw(to - from === 1 ? into + place : many, values))
    from = to
  }
}

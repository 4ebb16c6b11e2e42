// SPDX-License-Identifier: Apache-2.0
// ING-3: the plain SQL of runbooks finds what it is for, on SQLite and on PostgreSQL.

import assert from 'node:assert/strict'
import { globSync, mkdtempDisposableSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import type { Pool } from 'pg'
import { openStore } from '../../apps/server/src/store/index.ts'
import { postgresOutboxTables, sqliteOutboxTables } from '../../packages/producer/src/index.ts'
import { noPostgres, startPostgres } from '../../packages/producer/test/postgres.ts'

const root = join(import.meta.dirname, '../..')
const blocks = globSync('docs/runbooks/*.md', { cwd: root }).flatMap((file) =>
  Array.from(readFileSync(join(root, file), 'utf8').matchAll(/^ *```sql\n([\s\S]*?)^ *```$/gm), ([, sql = ''], i) => ({
    at: `${file}, ${i + 1}`,
    sql,
  })),
)
const tables = ['audit_signature_quarantine', 'signing_keys', 'signing_key_revocations'] as const

/** A value for each column that must have one; what a runbook asks about is among them. */
const planted: Readonly<Record<string, string | number>> = {
  tenant: 'acme',
  item: 'ab',
  reason: 'invalid_signature',
  signing_key_id: 'billing-1',
  key_id: 'billing-1',
  producer_kind: 'service',
  quarantined_at: '2026-11-22T01:00:00.000000000Z',
  revoked_at: '2026-11-22T02:00:00.000000000Z',
  cause: 'leaked',
}

type Column = { readonly name: string; readonly type: string; readonly notnull: number }

/** A row of each table, as SQL that both databases read. */
function plant(columnsOf: (table: string) => readonly Column[]): string[] {
  return tables.map((table) => {
    const columns = columnsOf(table).filter(({ name, notnull }) => notnull === 1 || name in planted)
    const values = columns.map(({ name, type }) => planted[name] ?? (type === 'TEXT' ? 'x' : 1))
    const told = values.map((value) => (typeof value === 'number' ? value : `'${value}'`))
    return `INSERT INTO ${table} (${columns.map(({ name }) => name).join()}) VALUES (${told.join()})`
  })
}

const dir = mkdtempDisposableSync(join(tmpdir(), 'sealwatch-runbooks-'))
await openStore(dir.path).close()
const sqlite = new DatabaseSync(join(dir.path, 'index.sqlite'))
sqlite.exec(sqliteOutboxTables)
const plants = plant((table) => sqlite.prepare(`PRAGMA table_info(${table})`).all() as unknown as Column[])
plants.push(`INSERT INTO audit_outbox (row_text, created_ms) VALUES ('{}', 1)`)
for (const sql of plants) sqlite.exec(sql)

const postgres = noPostgres === undefined ? startPostgres() : undefined
after(async () => {
  sqlite.close()
  dir.remove()
  await postgres?.[Symbol.asyncDispose]()
})

/** The same tables, as they stand in the other database. */
async function inPostgres(pool: Pool): Promise<Pool> {
  const made = sqlite.prepare('SELECT sql FROM sqlite_master WHERE name = ?')
  for (const table of tables) {
    const { sql } = made.get(table) as { sql: string }
    await pool.query(sql.replace(/\) STRICT.*$/s, ')').replace(/ REFERENCES "?\w+"?/g, ''))
  }
  await pool.query(postgresOutboxTables)
  for (const sql of plants) await pool.query(sql)
  return pool
}

test('there are such queries', () => assert.ok(blocks.length >= 5, `${blocks.length}`))

test('ING-3 they find what they are for on SQLite', () => {
  for (const { at, sql } of blocks) assert.equal(sqlite.prepare(sql).all().length, 1, at)
})

test('ING-3 they find the same on PostgreSQL', { skip: noPostgres ?? false }, async () => {
  const pool = await inPostgres((postgres as NonNullable<typeof postgres>).pool())
  for (const { at, sql } of blocks) assert.equal((await pool.query(sql)).rows.length, 1, at)
})

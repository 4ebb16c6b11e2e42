// SPDX-License-Identifier: Apache-2.0

import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { asking } from './write-errors.ts'

/**
 * Kysely over node:sqlite: one connection, handed to one transaction at a time; whoever has it may open another in its place.
 * `check` throws for what is not to be run.
 */
export function nodeSqliteDialect(current: () => DatabaseSync, check: (query: CompiledQuery) => void): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createDriver: () => createDriver(current, check),
  }
}

function createDriver(current: () => DatabaseSync, check: (query: CompiledQuery) => void): Driver {
  const statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()
  const statementsMax = 256
  let prepared: DatabaseSync | undefined
  let free: Promise<void> = Promise.resolve()
  let release: () => void = () => undefined

  function prepare(sql: string) {
    const database = current()
    if (database !== prepared) statements.clear()
    prepared = database
    const known = statements.get(sql)
    if (known !== undefined) return known
    if (statements.size >= statementsMax) statements.clear()
    const statement = database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  const connection: DatabaseConnection = {
    executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
      check(query)
      const { sql, parameters } = query
      return asking(() => {
        const statement = prepare(sql)
        if (statement.columns().length > 0) return { rows: statement.all(...(parameters as SQLInputValue[])) as R[] }
        const { changes, lastInsertRowid } = statement.run(...(parameters as SQLInputValue[]))
        return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
      })
    },
    async *streamQuery() {
      yield await Promise.reject(new RangeError('streaming is not used on SQLite'))
    },
  }

  return {
    init: async () => undefined,
    acquireConnection: async () => {
      const before = free
      const { promise, resolve } = Promise.withResolvers<void>()
      free = promise
      await before
      release = resolve
      return connection
    },
    beginTransaction: async () => asking(() => current().exec('BEGIN IMMEDIATE')),
    commitTransaction: async () => asking(() => current().exec('COMMIT')),
    // On some errors, a full disk among them, SQLite has rolled back already.
    rollbackTransaction: async () => {
      if (current().isTransaction) current().exec('ROLLBACK')
    },
    releaseConnection: async () => release(),
    destroy: async () => current().close(),
  }
}

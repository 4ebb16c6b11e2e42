// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { diskErrors, type ErrorTable, errorsOf } from '@sealwatch/base'
import { Kysely, type Transaction } from 'kysely'
import { openEntries } from './entries.ts'
import { across, createGuard } from './guard.ts'
import { migrations } from './migrations.ts'
import { noReserve, openReserve } from './reserve.ts'
import { nodeSqliteDialect } from './sqlite-dialect.ts'
import type { IndexTables, Tables } from './tables.ts'
import { isStoreFull } from './write-errors.ts'

export const storeErrors = {
  STORE_NEWER: {
    kind: 'fatal',
    rule: 'the database is not newer than the program',
    advice: 'Install the Sealwatch version that wrote it, or a later one',
  },
  STORE_BUSY: {
    kind: 'conflict',
    rule: 'one server alone works on a data directory',
    advice: 'Stop the other server (`sealwatch status` names it), or choose another --data',
  },
  STORE_MISSING: {
    kind: 'fatal',
    rule: 'ledgers that hold lines have their database beside them',
    advice:
      'Restore index.sqlite from a backup: it holds hosts and keys. Without one, choose another --data and keep this one as evidence',
  },
} as const satisfies ErrorTable
const storeError = errorsOf(storeErrors)
const diskError = errorsOf(diskErrors)

export type Tx = Transaction<Tables>
export type Store = {
  /** Control state: index.sqlite, which is this process's alone. */
  readonly db: Kysely<Tables>
  /** The index over the ledgers, to be read: whoever has `indexPath` writes it. */
  readonly index: Kysely<IndexTables>
  readonly indexPath: string
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /**
   * For what takes something back: where the disk is full it is tried once more, in room that was held for that. So `work`
   * may be called twice.
   */
  taking<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Holds that room again, once there is some. */
  holdReserve(): void
  /** Between two transactions: what `work` reads is so until it resolves. */
  between<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  /**
   * For what is computed again where it is lost, cursor and all: whole like any other, but a power cut may take it back. It
   * does not wait for the disk.
   */
  derived<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /**
   * Removes every row of a tenant that is erased, but its name in `tenants` and its hosts, whose certificates and keys must
   * stay refused.
   */
  forget(tenant: string): Promise<void>
  /** Within a transaction that deletes: should the process end before `scrub`, the next start does it. */
  owesScrub(tx: Tx): void
  /**
   * Resolves when what was deleted or replaced until now is in no file of the control state any more, its log included:
   * the file is written anew, for what SQLite once moved from page to page it does not overwrite. All who ask the database wait. Throws DISK_FULL.
   */
  scrub(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the two embedded databases in `dir`, or `:memory:`, for this process alone, and brings their schemas up to date.
 * `rewrite`: calls `writeAnew` elsewhere, so that this thread does other things meanwhile.
 */
export function openStore(dir: string, rewrite?: (path: string) => Promise<void>): Store {
  const [path, indexPath] = ['index.sqlite', 'entries.sqlite'].map((name) =>
    dir === ':memory:' ? dir : join(dir, name),
  ) as [string, string]
  let database = openControl(path, finishScrub)
  const reserve = dir === ':memory:' ? noReserve : openReserve(join(dir, 'reserve'))
  reserve.hold()
  const entries = openEntries(indexPath)
  entries.exec('PRAGMA query_only=ON')
  const guarded = (of: () => DatabaseSync) => nodeSqliteDialect(of, createGuard(tablesOfTenants(of())))
  const db = new Kysely<Tables>({ dialect: guarded(() => database) })
  const index = new Kysely<IndexTables>({ dialect: guarded(() => entries) })
  let coming: Promise<void> | undefined
  let scrubbing = Promise.resolve()
  /** Nobody asks the database meanwhile: it is closed here, for it is open once or not at all. */
  async function scrub(): Promise<void> {
    try {
      if (rewrite === undefined || path === ':memory:') database.exec(writtenAnew)
      else {
        database.close()
        await rewrite(path).finally(() => {
          database = openControl(path)
        })
      }
    } catch (cause) {
      throw isStoreFull(cause) ? diskError('DISK_FULL', { attempted: `writing ${path} anew`, cause }) : cause
    }
  }

  return {
    db,
    index,
    indexPath,
    transaction: (work) => db.transaction().execute(work),
    taking: async (work) => {
      try {
        return await db.transaction().execute(work)
      } catch (error) {
        if (!isStoreFull(error) || !reserve.release()) throw error
        return await db.transaction().execute(work)
      }
    },
    holdReserve: reserve.hold,
    between: (work) => db.connection().execute(work),
    derived: (work) =>
      db.connection().execute(async (connection) => {
        database.exec('PRAGMA synchronous=NORMAL')
        try {
          return await connection.transaction().execute(work)
        } finally {
          database.exec('PRAGMA synchronous=FULL')
        }
      }),
    forget: async (tenant) =>
      db.transaction().execute(async (tx) => {
        for (const table of tablesOfTenants(database))
          if (!outlasting.includes(table))
            await tx
              .deleteFrom(table as 'chains')
              .where('tenant', '=', tenant)
              .execute()
        await tx
          .deleteFrom('signing_keys')
          .where('tenant', '=', tenant)
          .where('producer_kind', '=', 'service')
          .execute()
        await tx
          .deleteFrom('signing_key_revocations')
          .where('tenant', '=', tenant)
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom('signing_keys as key')
                  .select('key.key_id')
                  .where('key.tenant', '=', tenant)
                  .whereRef('key.key_id', '=', 'signing_key_revocations.key_id'),
              ),
            ),
          )
          .execute()
        await tx.deleteFrom('signed_heads').where('ledger', '=', tenant).execute()
        // What the cluster is told of it.
        await across(tx, 'notify').deleteFrom('notification_deliveries').where('about', '=', tenant).execute()
      }),
    owesScrub: () => database.exec(`PRAGMA application_id = ${scrubOwed}`),
    scrub: () => {
      coming ??= db.connection().execute(async () => {
        coming = undefined
        scrubbing = scrub()
        await scrubbing
      })
      return coming
    },
    close: async () => {
      await scrubbing.catch(() => undefined)
      await Promise.all([db.destroy(), index.destroy()])
      // Kysely leaves alone what it was never asked to use.
      for (const open of [database, entries]) if (open.isOpen) open.close()
    },
  }
}

/** `first`: what is to be done before anybody asks it. */
function openControl(path: string, first?: (database: DatabaseSync) => void): DatabaseSync {
  // Whoever copies the file may have come in while it was closed to be written anew.
  const database = new DatabaseSync(path, first === undefined ? { timeout: reopenMs } : {})
  try {
    // EXCLUSIVE also keeps a second server out for as long as this one lives.
    database.exec(`PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
      PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON`)
    migrate(database, path)
    first?.(database)
  } catch (cause) {
    database.close()
    if (/locked|busy/i.test(String(cause))) throw storeError('STORE_BUSY', { attempted: `opening ${path}`, cause })
    throw cause
  }
  return database
}

/** How long others may keep us from the file between two of our own connections. */
const reopenMs = 5_000
/** Of the header: rows that are gone may be left between others still. */
const scrubOwed = 1

/** Writes a database that nobody has open anew: nothing is left of what was deleted. Whole or not at all. */
export function writeAnew(path: string): void {
  const database = new DatabaseSync(path, { timeout: reopenMs })
  try {
    database.exec(`PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; ${writtenAnew}`)
  } finally {
    database.close()
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const { user_version: applied } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (applied > migrations.length) {
    throw storeError('STORE_NEWER', {
      attempted: `opening ${path}`,
      received: `schema ${applied}, known up to ${migrations.length}`,
    })
  }
  // A full disk is no reason not to start.
  if (applied === migrations.length) return
  database.exec('BEGIN IMMEDIATE')
  for (const migration of migrations.slice(applied)) database.exec(migration)
  database.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`)
}

/** Writes the log back over what it replaces, and leaves nothing of it. */
const cutLog = 'PRAGMA wal_checkpoint(TRUNCATE)'
const writtenAnew = `VACUUM; ${cutLog}; PRAGMA application_id = 0`

/** An erasure may have stopped before it. Without room on the disk the log stays, as every log does then. */
function finishScrub(database: DatabaseSync): void {
  const { application_id } = database.prepare('PRAGMA application_id').get() as { application_id: number }
  try {
    database.exec(application_id === scrubOwed ? writtenAnew : cutLog)
  } catch (error) {
    if (!isStoreFull(error)) throw error
  }
}

/** Of an erased tenant its name stays, and its hosts do: their certificates and keys must stay refused. */
const outlasting: readonly string[] = ['tenants', 'hosts', 'signing_keys', 'signing_key_revocations']

function tablesOfTenants(database: DatabaseSync): ReadonlySet<string> {
  const rows = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'
    AND EXISTS (SELECT 1 FROM pragma_table_info(sqlite_master.name) AS found WHERE found.name = 'tenant')`)
  return new Set((rows.all() as { name: string }[]).map(({ name }) => name))
}

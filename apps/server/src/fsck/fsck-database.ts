// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorsOf } from '@sealwatch/base'
import type { SealedReader } from '@sealwatch/keys/sealing'
import { type Body, parseLine, sha256 } from '@sealwatch/ledger'
import { outboxUid, storeErrors } from '../store/index.ts'
import { openIndexFsck } from './fsck-index.ts'
import { openQuarantineFsck, type QuarantineTotal } from './fsck-quarantine.ts'
import { openVouchingFsck } from './fsck-vouching.ts'

const storeError = errorsOf(storeErrors)

export type DatabaseFinding = {
  readonly store: 'database' | 'index' | 'quarantine' | 'outbox'
  /** Computed again from the ledgers. */
  readonly derived: boolean
  readonly tenant: string | undefined
  readonly leaf: number | undefined
  readonly text: string
}

/** The database of a stopped server, held against the ledgers while these are read. */
export type DatabaseFsck = {
  /** Leaves of a ledger's folder, in order. */
  take(folder: string, leaf: number, line: Uint8Array): void
  /** Once every ledger was read. */
  findings(): Promise<{ readonly found: DatabaseFinding[]; readonly totals: QuarantineTotal[] }>
  /** The index of these tenants is made anew at the next start. */
  forgetIndex(tenants: readonly string[]): void
  close(): void
}

const findingsMax = 100

/** Throws STORE_BUSY when a server works on it. Undefined: there is none. */
export function openDatabaseFsck(
  dir: string,
  options: {
    readonly repair: boolean
    /** Opens what is sealed; undefined: no key is here. Called once no server works on the directory. */
    readonly openSealed: () => SealedReader | undefined
    readonly onBytes: (bytes: number) => void
  },
): DatabaseFsck | undefined {
  const { repair, openSealed, onBytes } = options
  const path = join(dir, 'index.sqlite')
  if (!existsSync(path)) return undefined
  // Not opened read-only: after a crash SQLite must first take in its own journal.
  const database = new DatabaseSync(path)
  try {
    // Held until the end: a server that starts meanwhile is kept out.
    database.exec(`PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=${repair ? 'OFF' : 'ON'}`)
    database.exec(`BEGIN${repair ? ' IMMEDIATE' : ''}; SELECT count(*) FROM cursors`)
  } catch (cause) {
    database.close()
    if (/locked|busy/i.test(String(cause))) throw storeError('STORE_BUSY', { attempted: `checking ${path}`, cause })
    throw cause
  }
  const found: DatabaseFinding[] = []
  const tell = (finding: DatabaseFinding) => {
    if (found.length < findingsMax) found.push(finding)
  }
  const index = openIndexFsck(dir, repair, tell)
  const sealed = openSealed()
  const quarantine = openQuarantineFsck(dir, database, sealed, tell, onBytes)
  const vouching = openVouchingFsck(database, tell)

  function take(folder: string, leaf: number, bytes: Uint8Array): void {
    const tenant = /^tenant-(.+)$/.exec(folder)?.[1]
    if (tenant === undefined) return
    const { line } = parseLine(sha256, bytes, `reading leaf ${leaf} of ${folder}`)
    quarantine.take(tenant, leaf, line)
    vouching.take(tenant, leaf, line)
    index?.take(tenant, leaf, line)
  }

  function checkOutbox(): void {
    const rows = database.prepare('SELECT uid, tenant, body FROM outbox').all() as {
      uid: string
      tenant: string
      body: string
    }[]
    for (const { uid, tenant, body } of rows) {
      if (outboxUid(tenant, JSON.parse(body) as Body) === uid) continue
      tell({ store: 'outbox', derived: false, tenant, leaf: undefined, text: `${uid} is not the name of its body` })
    }
  }

  return {
    take,
    findings: async () => {
      index?.finish()
      const totals = await quarantine.finish()
      checkOutbox()
      vouching.finish()
      return { found, totals }
    },
    forgetIndex: (tenants) => index?.forget(tenants),
    close: () => {
      sealed?.close()
      index?.close()
      database.exec('COMMIT')
      database.close()
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorsOf } from '@sealwatch/base'
import { type Body, parseLine, type Stub, type SubmissionStub, sha256 } from '@sealwatch/ledger'
import { quarantinePlaceOf } from '../ingest/index.ts'
import { outboxUid, storeErrors } from '../store/index.ts'
import { openIndexFsck } from './fsck-index.ts'

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
  findings(): DatabaseFinding[]
  /** The index of these tenants is made anew at the next start. */
  forgetIndex(tenants: readonly string[]): void
  close(): void
}

type QuarantineRow = {
  item: string
  tenant: string
  chain: string
  first_seq: number
  next_seq: number
  stub_leaf_index: number | null
}
const findingsMax = 100

/** Throws STORE_BUSY when a server works on it. Undefined: there is none. */
export function openDatabaseFsck(dir: string, repair: boolean): DatabaseFsck | undefined {
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
  const stubs = new Map<string, Stub>()
  const tell = (finding: DatabaseFinding) => {
    if (found.length < findingsMax) found.push(finding)
  }
  const index = openIndexFsck(dir, repair, tell)

  function take(folder: string, leaf: number, bytes: Uint8Array): void {
    const tenant = /^tenant-(.+)$/.exec(folder)?.[1]
    if (tenant === undefined) return
    const { line } = parseLine(sha256, bytes, `reading leaf ${leaf} of ${folder}`)
    if ('stub' in line) stubs.set(`${tenant} ${leaf}`, line.stub)
    if ('submission_stub' in line) stubs.set(`${tenant} ${leaf}`, stubOf(line.submission_stub))
    index?.take(tenant, leaf, line)
  }

  /** An item is under one stub, and every stub has its item: row and bytes. */
  function checkQuarantine(): void {
    const rows = database.prepare('SELECT * FROM audit_signature_quarantine').all() as unknown as QuarantineRow[]
    const placed = new Set<string>()
    for (const { item, tenant, chain, first_seq, next_seq, stub_leaf_index: leaf } of rows) {
      const wrong = (text: string) =>
        tell({ store: 'quarantine', derived: false, tenant, leaf: leaf ?? undefined, text: `${item}: ${text}` })
      if (!existsSync(join(dir, 'quarantine', tenant, item))) wrong('its bytes are gone')
      // A crash came between row and stub: the host sends the batch again.
      if (leaf === null) continue
      const stub = stubs.get(`${tenant} ${leaf}`)
      const fits =
        stub?.item === item && stub.chain === chain && stub.first_seq === first_seq && stub.next_seq === next_seq
      if (!fits) wrong(`leaf ${leaf} is not its stub`)
      placed.add(`${tenant} ${leaf}`)
    }
    for (const [place, { item, chain, first_seq }] of stubs) {
      const [tenant, leaf] = place.split(' ') as [string, string]
      const isKept =
        placed.has(place) || rows.some((row) => row.item === item && row.chain === chain && row.first_seq === first_seq)
      if (!isKept)
        tell({
          store: 'quarantine',
          derived: false,
          tenant,
          leaf: Number(leaf),
          text: `${item}: a stub without its row`,
        })
    }
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
    findings: () => {
      index?.finish()
      checkQuarantine()
      checkOutbox()
      return found
    },
    forgetIndex: (tenants) => index?.forget(tenants),
    close: () => {
      index?.close()
      database.exec('COMMIT')
      database.close()
    },
  }
}

/** Of rows of a service, as their item stands among the quarantined. */
function stubOf({ producer, id, rows, item, reason }: SubmissionStub): Stub {
  const { chain, firstSeq, nextSeq } = quarantinePlaceOf(producer, { id, rows })
  return { chain, first_seq: firstSeq, next_seq: nextSeq, item, reason }
}

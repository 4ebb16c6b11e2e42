// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { errorsOf, parseRfc3339 } from '@sealwatch/base'
import { type Body, type Line, parseLine, type Stub, sha256 } from '@sealwatch/ledger'
import { outboxUid, storeErrors } from '../store/index.ts'

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

type IndexRow = { leaf_index: number; time_ms: number; kind: string }
type BatchRow = { leaf_index: number; chain: string; last_seq: number }
type QuarantineRow = {
  item: string
  tenant: string
  chain: string
  first_seq: number
  next_seq: number
  stub_leaf_index: number | null
}
/** Leaves that were taken; the rows that are due next, and the batch that is. */
type Followed = {
  taken: number
  position: number
  rows: Iterator<unknown>
  batches: Iterator<unknown>
  batch: BatchRow | null | undefined
  wrong: boolean
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
  const followed = new Map<string, Followed>()
  const stubs = new Map<string, Stub>()
  const tell = (finding: DatabaseFinding) => {
    if (found.length < findingsMax) found.push(finding)
  }

  function follow(tenant: string): Followed {
    const known = followed.get(tenant)
    if (known !== undefined) return known
    const cursor = database
      .prepare("SELECT position FROM cursors WHERE follower = 'index' AND tenant = ?")
      .get(tenant) as { position: number } | undefined
    const rows = database
      .prepare('SELECT leaf_index, time_ms, kind FROM entries WHERE tenant = ? ORDER BY leaf_index')
      .iterate(tenant)
    const batches = database
      .prepare('SELECT leaf_index, chain, last_seq FROM batches WHERE tenant = ? ORDER BY leaf_index')
      .iterate(tenant)
    const batch = batches.next().value as BatchRow | null | undefined
    const now = { taken: 0, position: cursor?.position ?? 0, rows, batches, batch, wrong: false }
    followed.set(tenant, now)
    return now
  }

  function take(folder: string, leaf: number, bytes: Uint8Array): void {
    const tenant = /^tenant-(.+)$/.exec(folder)?.[1]
    if (tenant === undefined) return
    const state = follow(tenant)
    state.taken = leaf + 1
    const { line } = parseLine(sha256, bytes, `reading leaf ${leaf} of ${folder}`)
    if ('stub' in line) stubs.set(`${tenant} ${leaf}`, line.stub)
    if (leaf >= state.position || state.wrong) return
    const row = state.rows.next().value as IndexRow | undefined
    const kinds = Object.keys(line).filter((member) => !['chain', 'epoch', 'prev', 'seq', 'time', 'v'].includes(member))
    const timeMs = Number((parseRfc3339(line.time) ?? 0n) / 1_000_000n)
    const fits = row?.leaf_index === leaf && row.time_ms === timeMs && row.kind === kinds[0]
    if (fits && endsItsBatch(state, leaf, line)) return
    state.wrong = true
    tell({ store: 'index', derived: true, tenant, leaf, text: `no row, or another one, for leaf ${leaf}` })
  }

  /** Where the index says that a batch ends, it does. */
  function endsItsBatch(state: Followed, leaf: number, line: Line): boolean {
    const { batch } = state
    if (batch?.leaf_index !== leaf) return !batch || batch.leaf_index > leaf
    state.batch = state.batches.next().value as BatchRow | null | undefined
    return 'stub' in line
      ? line.stub.chain === batch.chain && line.stub.next_seq - 1 === batch.last_seq
      : line.chain === batch.chain && line.seq === batch.last_seq
  }

  function checkIndex(): void {
    const cursors = database.prepare("SELECT tenant FROM cursors WHERE follower = 'index'").all() as {
      tenant: string
    }[]
    for (const { tenant } of cursors) follow(tenant)
    for (const [tenant, state] of followed) {
      if (state.position > state.taken) {
        const text = `the index has seen ${state.position} lines of a ledger that holds ${state.taken}`
        tell({ store: 'index', derived: false, tenant, leaf: state.taken, text })
      } else if (!state.wrong && (state.rows.next().done !== true || Boolean(state.batch))) {
        const text = `rows beyond the ${state.position} lines it covers`
        tell({ store: 'index', derived: true, tenant, leaf: state.position, text })
      }
    }
  }

  /** An item is under one stub, and every stub has its item: row and bytes. */
  function checkQuarantine(): void {
    const rows = database.prepare('SELECT * FROM audit_signature_quarantine').all() as unknown as QuarantineRow[]
    const placed = new Set<string>()
    for (const { item, tenant, chain, first_seq, next_seq, stub_leaf_index: leaf } of rows) {
      const wrong = (text: string) =>
        tell({ store: 'quarantine', derived: false, tenant, leaf: leaf ?? undefined, text: `${item}: ${text}` })
      if (!existsSync(join(dir, 'quarantine', item))) wrong('its bytes are gone')
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
      checkIndex()
      checkQuarantine()
      checkOutbox()
      return found
    },
    forgetIndex: (tenants) => {
      for (const tenant of tenants) {
        database.prepare('DELETE FROM entries WHERE tenant = ?').run(tenant)
        database.prepare('DELETE FROM batches WHERE tenant = ?').run(tenant)
        database.prepare('DELETE FROM side_values WHERE tenant = ?').run(tenant)
        database.prepare("DELETE FROM cursors WHERE follower = 'index' AND tenant = ?").run(tenant)
      }
    },
    close: () => {
      database.exec('COMMIT')
      database.close()
    },
  }
}

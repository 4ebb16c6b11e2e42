// SPDX-License-Identifier: Apache-2.0

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, parseRfc3339 } from '@sealwatch/base'
import { announcedBy, type Line, replayOf } from '@sealwatch/ledger'
import { entriesVersion, removeEntries, spanLeaves } from '../store/index.ts'
import type { DatabaseFinding } from './fsck-database.ts'

/** The index of a stopped server, held against the lines while these are read. */
export type IndexFsck = {
  take(tenant: string, leaf: number, line: Line): void
  /** Once every line was taken; `taken`: of each tenant, how many. */
  finish(): void
  /** The index of these tenants is made anew at the next start. */
  forget(tenants: readonly string[]): void
  close(): void
}

type IndexRow = { leaf_index: number; time_ms: number; kind: string }
type BatchRow = { leaf_index: number; chain: string; last_seq: number }
/** Leaves that were taken; the rows that are due next, and the batch that is. */
type Followed = {
  taken: number
  position: number
  rows: Iterator<unknown>
  batches: Iterator<unknown>
  batch: BatchRow | null | undefined
  wrong: boolean
}

/** Undefined where there is no index, which is told where one is there and cannot be read: the next start makes it. */
export function openIndexFsck(
  dir: string,
  repair: boolean,
  tell: (finding: DatabaseFinding) => void,
): IndexFsck | undefined {
  const path = join(dir, 'entries.sqlite')
  if (!existsSync(path)) return undefined
  const database = new DatabaseSync(path)
  const finding = (derived: boolean, tenant: string | undefined, leaf: number | undefined, text: string) =>
    tell({ store: 'index', derived, tenant, leaf, text })
  try {
    database.exec(`PRAGMA query_only=${repair ? 'OFF' : 'ON'}; BEGIN`)
    const { user_version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
    if (user_version !== entriesVersion) throw new RangeError(`its version is ${user_version}`)
  } catch (error) {
    database.close()
    finding(true, undefined, undefined, `entries.sqlite cannot be used: ${messageOf(error)}`)
    const nothing = () => undefined
    return { take: nothing, finish: nothing, forget: () => removeEntries(path), close: nothing }
  }
  const followed = new Map<string, Followed>()
  const fills = database.prepare('SELECT * FROM fills WHERE tenant = ? AND leaf_index = ?')

  function follow(tenant: string): Followed {
    const known = followed.get(tenant)
    if (known !== undefined) return known
    const cursor = database.prepare('SELECT position FROM cursors WHERE tenant = ?').get(tenant) as
      | { position: number }
      | undefined
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

  function take(tenant: string, leaf: number, line: Line): void {
    const state = follow(tenant)
    state.taken = leaf + 1
    if (leaf >= state.position || state.wrong) return
    const row = state.rows.next().value as IndexRow | undefined
    const kinds = Object.keys(line).filter((member) => !['chain', 'epoch', 'prev', 'seq', 'time', 'v'].includes(member))
    const timeMs = Number((parseRfc3339(line.time) ?? 0n) / 1_000_000n)
    const fits = row?.leaf_index === leaf && row.time_ms === timeMs && row.kind === kinds[0]
    if (fits && endsItsBatch(state, leaf, line) && isFilled(tenant, leaf, line)) return
    state.wrong = true
    finding(true, tenant, leaf, `no row, or another one, for leaf ${leaf}`)
  }

  function isFilled(tenant: string, leaf: number, line: Line): boolean {
    const replay = replayOf(line)
    if (replay === undefined) return true
    const row = fills.get(tenant, leaf) as { next_leaf: number; stub_leaf: number; item: string } | undefined
    const { stub_leaf, item } = replay
    return row?.next_leaf === leaf + 1 + announcedBy(line) && row.stub_leaf === stub_leaf && row.item === item
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

  function finish(): void {
    const cursors = database.prepare('SELECT tenant FROM cursors').all() as { tenant: string }[]
    for (const { tenant } of cursors) follow(tenant)
    for (const [tenant, state] of followed) {
      if (state.position > state.taken) {
        const text = `the index has seen ${state.position} lines of a ledger that holds ${state.taken}`
        finding(false, tenant, state.taken, text)
      } else if (!state.wrong && (state.rows.next().done !== true || Boolean(state.batch))) {
        finding(true, tenant, state.position, `rows beyond the ${state.position} lines it covers`)
      } else if (!state.wrong) {
        const odd = database.prepare(oddSpan).get(tenant) as { first_leaf: number } | undefined
        if (odd !== undefined) finding(true, tenant, odd.first_leaf, `another span from leaf ${odd.first_leaf} on`)
      }
    }
  }

  return {
    take,
    finish,
    forget: (tenants) => {
      for (const table of [
        'entries',
        'own_entries',
        'spans',
        'span_classes',
        'batches',
        'submissions',
        'marked_submissions',
        'fills',
        'incident_entries',
        'incidents',
        'side_values',
        'cursors',
      ])
        for (const tenant of tenants) database.prepare(`DELETE FROM ${table} WHERE tenant = ?`).run(tenant)
    },
    close: () => {
      database.exec('COMMIT')
      database.close()
    },
  }
}

/** A span of a tenant that is not what its entries make it, or is missing. */
const firstLeaf = `leaf_index - leaf_index % ${spanLeaves}`
const oddSpan = `
  WITH mine AS (SELECT * FROM entries WHERE tenant = ?1),
    due AS (SELECT ${firstLeaf} AS first_leaf, min(time_ms), max(time_ms) FROM mine GROUP BY 1),
    found AS (SELECT first_leaf, from_ms, to_ms FROM spans WHERE tenant = ?1),
    due_classes AS (SELECT ${firstLeaf} AS first_leaf, class_uid, count(*) FROM mine WHERE class_uid NOTNULL GROUP BY 1, 2),
    found_classes AS (SELECT first_leaf, class_uid, entries FROM span_classes WHERE tenant = ?1)
  SELECT first_leaf FROM (SELECT * FROM due EXCEPT SELECT * FROM found)
  UNION ALL SELECT first_leaf FROM (SELECT * FROM found EXCEPT SELECT * FROM due)
  UNION ALL SELECT first_leaf FROM (SELECT * FROM due_classes EXCEPT SELECT * FROM found_classes)
  UNION ALL SELECT first_leaf FROM (SELECT * FROM found_classes EXCEPT SELECT * FROM due_classes)
  LIMIT 1`

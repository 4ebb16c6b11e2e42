// SPDX-License-Identifier: Apache-2.0

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type JsonObject, parseRfc3339 } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'
import {
  announcedBy,
  type Body,
  type EventSkim,
  type Line,
  parseLine,
  type Replay,
  replayOf,
  type Stretch,
  type Submission,
  type SubmissionReplay,
  type SubmissionStub,
  sha256,
  skimEvent,
} from '@sealwatch/ledger'
import { type IndexTables, openEntries, outboxUid, spanLeaves } from '../../store/index.ts'
import { type IncidentEntry, incidentEntryOf } from './incident-entry.ts'

/** What a ledger holds from leaf `first` on, and the personal values beside it. */
export type IndexPiece = {
  readonly tenant: string
  /** Of the lines that the server writes itself. */
  readonly ownChain: string
  readonly first: number
  readonly stretch: Stretch
  readonly side: readonly { readonly index: number; readonly sealed: Uint8Array }[]
  readonly sideNext: number
}

/** Lines of the server itself that are in the index now: their outboxUid, and their leaf. */
export type PlacedOwn = readonly { readonly uid: string; readonly leaf: number }[]

type Row = Omit<IndexTables['entries'], 'tenant'>
type Span = { fromMs: number; toMs: number; classes: Map<number, number> }

const findingClass = eventClasses.finding.uid
const newline = 0x0a
/** Events in one statement. SQLite binds at most 32,766 values. */
const rowsAtOnce = 128
/** Whose rows are removed in one statement. */
const forgetLeaves = 8192

/** Writes the index at `path`: rows and cursor of a piece in one transaction. */
export function openIndexWriter(path: string) {
  const database = openEntries(path)
  const put = prepareAll(database)
  const gone = prepareForgetting(database)
  const skim: EventSkim = { timeMs: 0, classUid: null }
  /** The leaf behind a tenant's last fill. */
  const filled = new Map<string, number>()

  function filledTo(tenant: string): number {
    const known = filled.get(tenant) ?? (put.lastFill.get(tenant) as { next: number }).next
    filled.set(tenant, known)
    return known
  }

  /** What came in after all stands behind its replay from now on, and no more in the stub's place. */
  function putFill(tenant: string, leaf: number, replay: Replay | SubmissionReplay, lines: number): void {
    const { stub_leaf, item, how, reason } = replay
    const next = leaf + 1 + lines
    put.fill.run(tenant, leaf, next, stub_leaf, item, how, reason)
    if ('chain' in replay)
      put.filledBatch.run(replay.chain, replay.next_seq - 1, tenant, next - 1, how === 'verified' ? 'head' : how)
    filled.set(tenant, next)
  }

  function write(piece: IndexPiece): PlacedOwn {
    database.exec('BEGIN IMMEDIATE')
    try {
      const placed = writeRows(piece)
      database.exec('COMMIT')
      return placed
    } catch (error) {
      // On some errors, a full disk among them, SQLite has rolled back already.
      if (database.isTransaction) database.exec('ROLLBACK')
      filled.clear()
      throw error
    }
  }

  function writeRows({ tenant, ownChain, first, stretch, side, sideNext }: IndexPiece): PlacedOwn {
    const placed: { uid: string; leaf: number }[] = []
    const spans = createSpans()
    const own = Buffer.from(ownChain)
    const events = put.events(tenant, first)
    const next = first + stretch.count
    const { count, marks, ndjson } = stretch
    for (let i = 0, leaf = first, from = 0; i < count; i += 1, leaf += 1) {
      const isMarked = marks !== undefined && readMark(marks, i, skim)
      const to = isMarked ? from - 1 : ndjson.indexOf(newline, from)
      if (
        isMarked ||
        (marks === undefined && skimEvent(ndjson, from, to, own, skim) && skim.classUid !== findingClass)
      ) {
        events.add(skim.timeMs, skim.classUid)
        spans.add(leaf, skim.timeMs, skim.classUid)
      } else {
        const { row, batch, replay, announced, submission, mark, ownUid, incident } = readEntry(
          tenant,
          ownChain,
          leaf,
          ndjson.subarray(from, to),
        )
        events.skip()
        put.entry.run(tenant, leaf, row.time_ms, row.kind, row.class_uid, row.event_uid)
        if (submission !== undefined) put.submission(tenant, leaf, row.kind, submission)
        if (mark !== undefined) put.marked.run(tenant, leaf, mark.rows, mark.why)
        if (incident !== undefined) {
          put.incidentEntry.run(tenant, incident.id, leaf, incident.code)
          put.incident.run(tenant, leaf, incident.id)
        }
        // The batch of a fill was put when its replay came.
        if (batch !== undefined && leaf >= filledTo(tenant))
          put.batch.run(batch.chain, batch.last_seq, tenant, leaf, row.kind)
        if (replay !== undefined) putFill(tenant, leaf, replay, announced)
        if (ownUid !== undefined) {
          put.own.run(tenant, leaf, ownUid)
          placed.push({ uid: ownUid, leaf })
        }
        spans.add(leaf, row.time_ms, row.class_uid)
      }
      from = to + 1
    }
    events.flush()
    for (const [at, { fromMs, toMs, classes }] of spans.done()) {
      put.span.run(tenant, at, fromMs, toMs)
      for (const [uid, entries] of classes) put.spanClass.run(tenant, at, uid, entries)
    }
    for (const { index, sealed } of side) put.side.run(tenant, index, sealed)
    put.cursor.run(tenant, next, sideNext)
    return placed
  }

  /** Removes rows of a tenant that is gone, some at a time; false once there are none. */
  function forget(tenant: string): boolean {
    const { first } = gone.first.get(tenant, tenant, tenant) as { first: number | null }
    if (first !== null) {
      for (const statement of gone.leaves) statement.run(tenant, first + forgetLeaves)
      return true
    }
    for (const statement of gone.rest) statement.run(tenant)
    filled.delete(tenant)
    return false
  }

  /** Writes the file anew: what SQLite once moved from page to page it does not overwrite. */
  const scrub = () => database.exec('VACUUM')
  /** True: somebody reads, and the log cannot be cut yet. */
  const cutLog = () => (gone.cutLog.get() as { busy: number }).busy !== 0

  return { write, forget, scrub, cutLog, close: () => database.close() }
}

/** What the ledger knew of an event when it was appended; false for a line that is to be read. */
function readMark(marks: Float64Array, i: number, skim: EventSkim): boolean {
  const classUid = marks[2 * i + 1] as number
  skim.timeMs = marks[2 * i] as number
  skim.classUid = Number.isNaN(classUid) ? null : classUid
  return !Number.isNaN(skim.timeMs)
}

export type IndexWriter = ReturnType<typeof openIndexWriter>

function prepareAll(database: DatabaseSync) {
  const into = (table: string, values: string) => database.prepare(`INSERT INTO ${table} VALUES ${values}`)
  const manyEvents = new Map<number, StatementSync>()
  for (const rows of [rowsAtOnce, rowsAtOnce / 8, 1]) {
    const values = Array.from({ length: rows }, (_, i) => `(?1, ?2 + ${i}, ?, 'event', ?, NULL)`)
    manyEvents.set(rows, into('entries', values.join(', ')))
  }
  return {
    entry: into('entries', '(?, ?, ?, ?, ?, ?)'),
    own: into('own_entries', '(?, ?, ?)'),
    batch: into('batches', '(?, ?, ?, ?, ?)'),
    filledBatch: into(
      'batches',
      '(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET leaf_index = excluded.leaf_index, kind = excluded.kind',
    ),
    fill: into('fills', '(?, ?, ?, ?, ?, ?, ?)'),
    lastFill: database.prepare('SELECT ifnull(max(next_leaf), 0) AS next FROM fills WHERE tenant = ?'),
    side: into('side_values', '(?, ?, ?)'),
    submission: putSubmission(database),
    marked: into('marked_submissions', '(?, ?, ?, ?)'),
    incidentEntry: into('incident_entries', '(?, ?, ?, ?)'),
    incident: into('incidents', '(?, ?, ?) ON CONFLICT DO NOTHING'),
    span: into(
      'spans',
      '(?, ?, ?, ?) ON CONFLICT DO UPDATE SET from_ms = min(from_ms, excluded.from_ms), to_ms = max(to_ms, excluded.to_ms)',
    ),
    spanClass: into('span_classes', '(?, ?, ?, ?) ON CONFLICT DO UPDATE SET entries = entries + excluded.entries'),
    cursor: into(
      'cursors',
      '(?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position, side_position = excluded.side_position',
    ),
    /** Rows of events that stand side by side from leaf `first` on. */
    events: (tenant: string, first: number) => {
      const values: (number | null)[] = []
      let next = first
      const run = (rows: number) => {
        manyEvents.get(rows)?.run(tenant, next, ...values.splice(0, 2 * rows))
        next += rows
      }
      const flush = () => {
        for (const rows of manyEvents.keys()) while (values.length >= 2 * rows) run(rows)
      }
      return {
        add: (timeMs: number, classUid: number | null) => {
          values.push(timeMs, classUid)
          if (values.length === 2 * rowsAtOnce) run(rowsAtOnce)
        },
        /** The next leaf is something else. */
        skip: () => {
          flush()
          next += 1
        },
        flush,
      }
    },
  }
}

/** One id is admitted once: of two lines, which fsck would tell of, the first counts. */
function putSubmission(database: DatabaseSync) {
  const put = database.prepare('INSERT OR IGNORE INTO submissions VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  return (tenant: string, leaf: number, kind: string, submission: Submission | SubmissionStub) => {
    const { producer, id, digest } = submission
    const { reason = null, item = null } = submission as Partial<SubmissionStub>
    put.run(tenant, producer, id, kind, digest, leaf, reason, item)
  }
}

const restTables = [
  ...['spans', 'span_classes', 'batches', 'submissions', 'marked_submissions', 'fills'],
  ...['incident_entries', 'incidents', 'cursors'],
]

const prepareForgetting = (database: DatabaseSync) => ({
  first: database.prepare(`SELECT min(first) AS first FROM (
    SELECT min(leaf_index) AS first FROM entries WHERE tenant = ? UNION ALL
    SELECT min(leaf_index) FROM own_entries WHERE tenant = ? UNION ALL
    SELECT min(leaf_index) FROM side_values WHERE tenant = ?)`),
  leaves: ['entries', 'own_entries', 'side_values'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE tenant = ? AND leaf_index < ?`),
  ),
  rest: restTables.map((table) => database.prepare(`DELETE FROM ${table} WHERE tenant = ?`)),
  /** Nothing of the log is left. */
  cutLog: database.prepare('PRAGMA wal_checkpoint(TRUNCATE)'),
})

/** What the leaves of a piece, in their order, add to each span. */
function createSpans() {
  const all = new Map<number, Span>()
  let span: Span | undefined
  let end = 0
  let counted: { readonly classUid: number | null; readonly span: Span | undefined; entries: number } | undefined
  const count = () => {
    if (counted?.span === undefined || counted.classUid === null) return
    const { classes } = counted.span
    classes.set(counted.classUid, (classes.get(counted.classUid) ?? 0) + counted.entries)
  }
  return {
    add: (leaf: number, timeMs: number, classUid: number | null) => {
      if (span === undefined || leaf >= end) {
        const first = leaf - (leaf % spanLeaves)
        end = first + spanLeaves
        span = { fromMs: timeMs, toMs: timeMs, classes: new Map() }
        all.set(first, span)
      }
      if (timeMs < span.fromMs) span.fromMs = timeMs
      if (timeMs > span.toMs) span.toMs = timeMs
      if (counted?.classUid !== classUid || counted.span !== span) {
        count()
        counted = { classUid, span, entries: 0 }
      }
      counted.entries += 1
    },
    done: () => {
      count()
      return all
    },
  }
}

type Entry = {
  readonly row: Row
  readonly ownUid: string | undefined
  readonly submission?: Submission | SubmissionStub
  readonly mark?: { readonly rows: number; readonly why: string }
  readonly incident?: IncidentEntry
  readonly replay?: Replay | SubmissionReplay
  /** How many lines it announces. */
  readonly announced: number
  readonly batch?: Pick<IndexTables['batches'], 'chain' | 'last_seq'>
}

function readEntry(tenant: string, ownChain: string, leaf: number, bytes: Uint8Array): Entry {
  const { kind, line } = parseLine(sha256, bytes, `indexing leaf ${leaf} of ${tenant}`)
  const event: JsonObject = 'event' in line ? line.event : {}
  const row = {
    leaf_index: leaf,
    time_ms: Number((parseRfc3339(line.time) ?? 0n) / 1_000_000n),
    kind,
    class_uid: Number.isSafeInteger(event.class_uid) ? (event.class_uid as number) : null,
    event_uid: event.class_uid === findingClass ? uidOf(event) : null,
  }
  // What services sent was never in the outbox.
  const isOwn = line.chain === ownChain && !['row', 'submission', 'submission_replay', 'submission_stub'].includes(kind)
  const ownUid = isOwn ? outboxUid(tenant, bodyOf(line)) : undefined
  const incident = line.chain === ownChain ? undefined : incidentEntryOf(event)
  const entry = { row, ownUid, announced: announcedBy(line), ...(incident && { incident }) }
  if ('submission' in line) {
    const { mark: why, rows } = line.submission
    return { ...entry, submission: line.submission, ...(why !== null && { mark: { rows, why } }) }
  }
  if ('submission_stub' in line) return { ...entry, submission: line.submission_stub }
  if ('head' in line) return { ...entry, batch: { chain: line.chain, last_seq: line.seq } }
  const replay = replayOf(line)
  if (replay !== undefined) return { ...entry, replay }
  if ('stub' in line) return { ...entry, batch: { chain: line.stub.chain, last_seq: line.stub.next_seq - 1 } }
  return entry
}

function bodyOf(line: Line): Body {
  const { chain: _chain, epoch: _epoch, prev: _prev, seq: _seq, time: _time, v: _v, ...body } = line
  return body as Body
}

function uidOf({ metadata }: JsonObject): string | null {
  const uid = typeof metadata === 'object' && metadata !== null ? (metadata as JsonObject).uid : undefined
  return typeof uid === 'string' ? uid.slice(0, 128) : null
}

// SPDX-License-Identifier: Apache-2.0

import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { isSealwatchError } from '@sealwatch/base'
import type { SealedReader } from '@sealwatch/keys/sealing'
import { type Line, replayOf, type Stub, type SubmissionStub } from '@sealwatch/ledger'
import { isSameSubmission, quarantinePlaceOf, readItem, sealedIn, sealPlaceOf, segmentName } from '../ingest/index.ts'
import type { DatabaseFinding } from './fsck-database.ts'

/** What the quarantine of a tenant holds, in items and in the rows of these. */
export type QuarantineTotal = {
  readonly tenant: string
  readonly items: number
  readonly rows: number
  readonly admitted: number
  readonly waiting: number
  /** Rows that stand in the ledger by another way. */
  readonly duplicate: number
  /** Items whose bytes were not held against their stubs, as no key opens them here. */
  readonly unopened: number
}

/** Items, their rows in the database, and the stubs and replays of the ledgers, held against each other. */
export type QuarantineFsck = {
  take(tenant: string, leaf: number, line: Line): void
  /** Once every line was taken. */
  finish(): Promise<QuarantineTotal[]>
}

type Row = {
  item: string
  tenant: string
  chain: string
  first_seq: number
  next_seq: number
  reason: string
  received_at: string | null
  stub_leaf_index: number | null
  state: 'waiting' | 'admitted' | 'duplicate'
  admitted_leaf_index: number | null
  segment: number | null
  segment_at: number | null
  kept_bytes: number | null
}
/** More than a batch with its personal values can take. */
const frameBytesMax = 64 * 1024 * 1024
type Named = Pick<SubmissionStub, 'producer' | 'id' | 'digest'>
type Placed = Pick<Stub, 'item' | 'chain' | 'first_seq' | 'next_seq' | 'reason'> & {
  readonly submission?: Named
  /** Of a service: when they came. */
  readonly receivedAt?: string
}

export function openQuarantineFsck(
  dir: string,
  database: DatabaseSync,
  /** Undefined: no key is here. */
  sealed: Pick<SealedReader, 'open'> | undefined,
  tell: (finding: DatabaseFinding) => void,
  onBytes: (bytes: number) => void,
): QuarantineFsck {
  const stubs = new Map<string, Placed>()
  /** Leaf of the replay, by the place of the stub that it fills. */
  const fills = new Map<string, number>()
  /** Where rows say that the same submission stands, and what does. */
  const claimed = database
    .prepare("SELECT tenant, admitted_leaf_index AS leaf FROM audit_signature_quarantine WHERE state = 'duplicate'")
    .all() as { tenant: string; leaf: number }[]
  const named = new Map(claimed.map(({ tenant, leaf }) => [placeOf(tenant, leaf), undefined as Named | undefined]))
  /** Tenants whose keys cannot be had. */
  const locked = new Set<string>()
  const totals = new Map<string, { -readonly [K in keyof QuarantineTotal]: QuarantineTotal[K] }>()
  const wrong = (tenant: string, leaf: number | null, item: string, text: string) =>
    tell({ store: 'quarantine', derived: false, tenant, leaf: leaf ?? undefined, text: `${item}: ${text}` })

  function take(tenant: string, leaf: number, line: Line): void {
    if ('stub' in line) stubs.set(placeOf(tenant, leaf), line.stub)
    if ('submission_stub' in line) stubs.set(placeOf(tenant, leaf), placedOf(line.submission_stub))
    if ('submission' in line && named.has(placeOf(tenant, leaf))) named.set(placeOf(tenant, leaf), line.submission)
    const replay = replayOf(line)
    if (replay === undefined) return
    const { stub_leaf, item } = replay
    const place = placeOf(tenant, stub_leaf)
    if (fills.has(place)) wrong(tenant, leaf, item, `admitted twice, at leaf ${fills.get(place)} and at leaf ${leaf}`)
    else fills.set(place, leaf)
  }

  async function checkRow(row: Row, read: (row: Row) => Frame): Promise<void> {
    const { item, tenant, stub_leaf_index: leaf, state, admitted_leaf_index: admittedAt } = row
    const frame = read(row)
    onBytes(row.kept_bytes ?? 0)
    const text = typeof frame === 'string' ? toldOf[frame] : await wrongWithin(row, frame)
    if (text !== undefined) wrong(tenant, leaf, item, text)
    // A crash came between row and stub: nothing was acknowledged, and the producer sends it again.
    if (leaf === null) return
    const place = placeOf(tenant, leaf)
    const stub = stubs.get(place)
    if (stub === undefined || !isSame(stub, row)) {
      wrong(tenant, leaf, item, `leaf ${leaf} is not its stub`)
      return
    }
    stubs.delete(place)
    const { receivedAt = row.received_at } = stub
    if (row.received_at !== null && receivedAt !== row.received_at)
      wrong(tenant, leaf, item, `its row says that it came at ${row.received_at}, and its stub at ${receivedAt}`)
    if (state === 'duplicate') {
      const other = named.get(placeOf(tenant, admittedAt ?? -1))
      if (other === undefined || stub.submission === undefined || !isSameSubmission(stub.submission, other))
        wrong(
          tenant,
          leaf,
          item,
          `its row says that its rows stand at leaf ${admittedAt}, and the ledger has others there`,
        )
      count(row, state)
      return
    }
    const filledAt = fills.get(place)
    // Where the ledger has a replay that the row knows nothing of, a crash came between: the row follows the ledger.
    if (state === 'admitted' && filledAt === undefined)
      wrong(tenant, leaf, item, 'its row says that it was admitted, and no replay stands in the ledger')
    else if (admittedAt !== null && admittedAt !== filledAt)
      wrong(
        tenant,
        leaf,
        item,
        `its row says that it was admitted at leaf ${admittedAt}, and the ledger says ${filledAt ?? 'nothing'}`,
      )
    count(row, filledAt === undefined ? 'waiting' : 'admitted')
  }

  /** What is sealed is that of the item's name, which its stub in the ledger has too. */
  async function wrongWithin({ item, tenant, received_at }: Row, frame: Uint8Array): Promise<string | undefined> {
    const total = totalOf(tenant)
    if (sealed === undefined || locked.has(tenant)) {
      total.unopened += 1
      return undefined
    }
    try {
      const { beside } = readItem(item, await sealed.open(sealPlaceOf(tenant, item), frame))
      if (beside === undefined || received_at === null || beside.receivedAt === received_at) return undefined
      return `its row says that it came at ${received_at}, and what is sealed with it at ${beside.receivedAt}`
    } catch (error) {
      if (isSealwatchError(error) && error.kind === 'unverified') return toldOf.altered
      if (!isSealwatchError(error, 'KEYS_UNAVAILABLE') && !isSealwatchError(error, 'KEYS_DAMAGED')) throw error
      // Each further try may take as long as the first.
      locked.add(tenant)
      total.unopened += 1
      return undefined
    }
  }

  function totalOf(tenant: string) {
    const total = totals.get(tenant) ?? {
      tenant,
      items: 0,
      rows: 0,
      admitted: 0,
      waiting: 0,
      duplicate: 0,
      unopened: 0,
    }
    totals.set(tenant, total)
    return total
  }

  function count({ tenant, first_seq, next_seq }: Row, as: Row['state']): void {
    const rows = next_seq - first_seq
    const total = totalOf(tenant)
    total.items += 1
    total.rows += rows
    total[as] += rows
  }

  return {
    take,
    finish: async () => {
      const reader = openFrames(join(dir, 'quarantine'))
      // In the order in which they lie on the disk.
      const rows = database
        .prepare('SELECT * FROM audit_signature_quarantine ORDER BY tenant, segment, segment_at')
        .iterate() as Iterable<Row>
      for (const row of rows) await checkRow(row, reader.read)
      reader.close()
      const row = database.prepare(
        'SELECT item FROM audit_signature_quarantine WHERE item = ? AND chain = ? AND first_seq = ? AND tenant = ?',
      )
      for (const [place, { item, chain, first_seq }] of stubs) {
        const [tenant, leaf] = place.split(' ') as [string, string]
        // Where it is there, it is told of above, or a crash came before it knew where its stub is: the next start tells it.
        if (row.get(item, chain, first_seq, tenant) === undefined)
          wrong(tenant, Number(leaf), item, 'a stub without its row')
      }
      return [...totals.values()]
    },
  }
}

const placeOf = (tenant: string, leaf: number) => `${tenant} ${leaf}`

const isSame = (stub: Placed, row: Row) =>
  stub.item === row.item &&
  stub.chain === row.chain &&
  stub.first_seq === row.first_seq &&
  stub.next_seq === row.next_seq &&
  stub.reason === row.reason

type Frame = Uint8Array | 'gone' | 'altered'
const toldOf = { gone: 'its bytes are gone', altered: 'its bytes were altered' } as const

/** Reads what lies sealed in frames, in files that are asked for one after the other. */
function openFrames(dir: string) {
  let open: { readonly path: string; readonly file: number } | undefined
  const close = () => {
    if (open !== undefined) closeSync(open.file)
    open = undefined
  }
  return {
    close,
    read: ({ tenant, item, segment, segment_at: at, kept_bytes: bytes }: Row): Frame => {
      // Kept before there were segments.
      if (segment === null || at === null || bytes === null) {
        const alone = join(dir, tenant, item)
        if (!existsSync(alone)) return 'gone'
        return statSync(alone).size > frameBytesMax ? 'altered' : readFileSync(alone)
      }
      if (bytes > frameBytesMax) return 'altered'
      const path = join(dir, tenant, segmentName(segment))
      if (open?.path !== path) {
        close()
        if (!existsSync(path)) return 'gone'
        open = { path, file: openSync(path, 'r') }
      }
      const frame = Buffer.alloc(bytes)
      const length = readSync(open.file, frame, 0, bytes, at)
      return sealedIn(frame.subarray(0, length), item, { segment, at, bytes })
    },
  }
}

/** Of rows of a service, as their item stands among the quarantined. */
function placedOf({ producer, id, rows, digest, item, reason, received_at }: SubmissionStub): Placed {
  const { chain, firstSeq, nextSeq } = quarantinePlaceOf(producer, { id, rows })
  const place = { chain, first_seq: firstSeq, next_seq: nextSeq }
  return { ...place, item, reason, submission: { producer, id, digest }, receivedAt: received_at }
}

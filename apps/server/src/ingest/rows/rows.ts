// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, createFairTurns, isSealwatchError, type Log, messageOf } from '@sealwatch/base'
import { rowsOf, type SignedRows, type SubmissionOutcome } from '@sealwatch/contract'
import { type Body, type Ledger, type Submission, sha256 } from '@sealwatch/ledger'
import type { Store } from '../../store/index.ts'
import type { TenantRegistry } from '../../tenants/index.ts'
import { judgeKey, type KeyRegistry, type Reason, trustError } from '../../trust/index.ts'
import type { Ledgers } from '../ledgers.ts'
import { type Sender, unknownSender } from '../quarantine/item-form.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import { createTeller } from '../quarantine/teller.ts'
import type { RowBook, RowOutcome } from '../row-counts.ts'
import { rowError, type rowErrors } from './errors.ts'
import { keptBytesOf, quarantinePlaceOf } from './keep-submission.ts'
import { createKnownIds, type Known } from './known-ids.ts'
import {
  beforeNextMs,
  costOf,
  createRowRoom,
  type Entry,
  idsUnderWayMax,
  type OnGone,
  type Refused,
  type RowRoomMax,
} from './row-room.ts'
import { formFault, isSignedBy } from './verify-rows.ts'

/** Who sends: a service, by the credential it came with. */
export type Service = { readonly tenant: string; readonly producer: string }

export type Asker = {
  /** It asks on and on, whatever it is answered. */
  onDeaf(): void
  readonly onGone: OnGone
}

export type RowIngest = {
  /**
   * Lets a request in, or not, before anything of it is read; `bytes`: how much of it is told to come. What it resolves with is to
   * be called when it is answered. Throws ROWS_LIMITED, and takes its time for that.
   */
  begin(service: Service, bytes: number, asker: Asker): Promise<() => void>
  /** The same of one that is not let in, for what it `received`. */
  refuse(service: Service, received: string, asker: Asker): Promise<never>
  /**
   * What becomes of each submission, in their order, once it is on stable storage. `paid`: how much was told to come; `sender`:
   * what is quarantined has it beside it. Throws
   * where the tenant takes nothing, or where it is not known what is on the disk.
   */
  submit(
    service: Service,
    submissions: readonly SignedRows[],
    sender?: Sender,
    paid?: number,
  ): Promise<SubmissionOutcome[]>
  /** Resolves when nothing that the tenant's services brought is under way. */
  settled(tenant: string): Promise<void>
}

export type RowIngestOptions = {
  readonly store: Store
  readonly ledgers: Pick<Ledgers, 'get'>
  readonly quarantine: Pick<Quarantine, 'keep' | 'placed'>
  readonly keys: KeyRegistry
  /** Whether what fails verification stays out; left out: it does. */
  readonly isStrict?: (tenant: string) => boolean
  readonly registry: Pick<TenantRegistry, 'checkActive'>
  readonly rowBook: Pick<RowBook, 'arrive'>
  readonly indexed: { waitFor(tenant: string, leaf: number): Promise<void> }
  readonly roomMax?: RowRoomMax
  readonly clock: Clock
  readonly log: Log
}

/** Judging takes the time of the thread that answers everybody: after that much, all else has a turn. */
const bytesAtOnce = 64 * 1024
const haltedRetrySeconds = 60
const fullRetrySeconds = 10

/** A service, and where its request came from. */
type Sending = Service & { readonly sender: Sender }
type Read = {
  readonly submission: SignedRows
  readonly rows: readonly string[]
  readonly digest: string
}
/** It has its place; what becomes of it is known later. */
type Begun = { readonly settled: Promise<Settled> }
/** `leaf`: where it has its place; undefined: it has none, or had it before. */
type Settled = {
  readonly outcome: SubmissionOutcome
  readonly isRepeat?: boolean
  readonly leaf?: number
  /** Why it failed verification, though it was admitted. */
  readonly mark?: Reason | null
}

/** Judges what services signed, and brings it into their tenant's ledger; what fails is kept beside it (ING-2, ING-8). */
export function createRowIngest(options: RowIngestOptions): RowIngest {
  const { ledgers, quarantine, keys, isStrict = () => true, registry, rowBook, clock, log } = options
  const ids = createKnownIds(options)
  const room = createRowRoom(clock, options.roomMax)
  const turns = createFairTurns(clock, bytesAtOnce)
  const underWay = new Map<string, number>()
  const tell = createTeller(clock, log)
  const done = createBell()

  async function beginRequest(service: Service, bytes: number, asker: Asker): Promise<() => void> {
    const entry = await room.begin(service, bytes, asker.onGone)
    if (typeof entry === 'function') return entry
    throw limited(entry, `one more of the service ${service.producer}`, asker)
  }

  function limited({ waitMs, isDeaf }: Refused, received: string, asker: Asker): Error {
    if (isDeaf) asker.onDeaf()
    return rowError('ROWS_LIMITED', { attempted: 'taking a request', received, waitMs })
  }

  async function submit(
    service: Service,
    submissions: readonly SignedRows[],
    sender = unknownSender,
    paid = 0,
  ): Promise<SubmissionOutcome[]> {
    registry.checkActive(service.tenant, `taking rows of the service ${service.producer}`)
    const bytes = submissions.reduce((sum, one) => sum + costOf(one), 0)
    const entry = room.enter(service, bytes, paid)
    const outcomes = await settle({ ...service, sender }, submissions, entry)
    // Told as late as every refusal.
    if (typeof entry !== 'function') await room.refuse(service, entry.waitMs, () => undefined)
    return outcomes
  }

  async function settle(
    service: Sending,
    submissions: readonly SignedRows[],
    entry: Entry,
  ): Promise<SubmissionOutcome[]> {
    const { tenant } = service
    const held = keys.of(tenant)
    const halted = held.producer('service', service.producer)?.haltedAt ?? null
    const refused =
      halted !== null
        ? refusal('PRODUCER_HALTED', `halted at ${halted}`, haltedRetrySeconds)
        : held.isSettling('service', service.producer)
          ? refusal('PRODUCER_SETTLING', `the service ${service.producer}`, 1)
          : typeof entry !== 'function'
            ? refusal('ROWS_LIMITED', 'more bytes than may be under way', Math.ceil(entry.waitMs / 1000))
            : ids.size > idsUnderWayMax
              ? refusal('ROWS_LIMITED', 'more ids than the index follows', 1)
              : undefined
    underWay.set(tenant, (underWay.get(tenant) ?? 0) + 1)
    try {
      if (refused === undefined) return await take(service, submissions)
      return submissions.map(({ payload }) => {
        const rows = linesIn(payload)
        rowBook.arrive(tenant, rows)('refused', rows)
        return refused
      })
    } finally {
      if (typeof entry === 'function') entry()
      underWay.set(tenant, (underWay.get(tenant) ?? 1) - 1)
      if (underWay.get(tenant) === 0) underWay.delete(tenant)
      done.ring()
    }
  }

  async function take(service: Sending, submissions: readonly SignedRows[]): Promise<SubmissionOutcome[]> {
    const ledger = ledgers.get(service.tenant)
    await ids.ready(ledger)
    const begun: Promise<SubmissionOutcome>[] = []
    // The order in which they were sent is that in which they stand: each has its place before the next is looked at.
    for (const submission of submissions) {
      const rows = linesIn(submission.payload)
      const count = rowBook.arrive(service.tenant, rows)
      await room.pace(service)
      const endTurn = await turns.take(service.tenant, service.producer, costOf(submission))
      const { settled } = await beginRead(service, ledger, submission, endTurn).finally(endTurn)
      const answer = settled.then((known) => {
        count(countedAs(known, submission.keyId), rows)
        return known.outcome
      })
      // The next ones take their time; that it failed is heard when all of them have begun.
      answer.catch(() => undefined)
      begun.push(answer)
    }
    return await Promise.all(begun)
  }

  async function beginRead(
    service: Sending,
    ledger: Ledger,
    submission: SignedRows,
    endTurn: () => void,
  ): Promise<Begun> {
    const read = readRows(submission)
    if (!('fault' in read)) return beginOnce(service, ledger, read, endTurn)
    return { settled: Promise.resolve({ outcome: refusal('SUBMISSION_MALFORMED', read.fault) }) }
  }

  /** Begins what nobody has begun; resolves when it has its place, and holds what becomes of it. */
  async function beginOnce(service: Sending, ledger: Ledger, read: Read, endTurn: () => void): Promise<Begun> {
    const { tenant, producer } = service
    const { id } = read.submission
    for (;;) {
      const other = ids.underWay(tenant, producer, id)
      if (other === undefined) break
      // That may take as long as the disk does.
      endTurn()
      const known = await other.catch(() => undefined)
      if (known !== undefined) return { settled: Promise.resolve(repeatOf(known, read)) }
      // Whoever had it was refused: it may be free now, or in other hands.
      await clock.sleep(0)
    }
    const placed = Promise.withResolvers<void>()
    const settled = begin(service, ledger, read, placed.resolve).finally(placed.resolve)
    const known = settled.then(({ outcome, leaf }): Known | undefined =>
      leaf === undefined ? undefined : { digest: read.digest, outcome, leaf },
    )
    known.catch(() => undefined)
    ids.claim(tenant, producer, id, known)
    await placed.promise
    return { settled }
  }

  async function begin(service: Sending, ledger: Ledger, read: Read, hasPlace: () => void): Promise<Settled> {
    const { tenant, producer } = service
    const { submission, rows, digest } = read
    const { id, keyId } = submission
    const found = (await ids.find(tenant, producer, [id])).get(id)
    if (found !== undefined) return repeatOf(found, read)
    // From here to `append` nothing else runs: no line about keys comes between.
    const held = keys.of(tenant)
    const receivedAt = held.receivedAt(clock.nowNs(), keyId)
    const key = held.key(keyId)
    const verdict = judgeKey(
      key,
      { kind: 'service', producer },
      {
        receivedAt,
        algorithm: submission.algorithm,
        verify: () => key !== undefined && isSignedBy(key, submission),
      },
    )
    const judged = { producer, registry: held.version, received_at: receivedAt, rows: rows.length, digest, id }
    if (verdict !== undefined && isStrict(tenant)) {
      hasPlace()
      return await putAside(service, ledger, { read, judged, ...verdict })
    }
    try {
      const mark = verdict?.reason ?? null
      const appending = ledger.append({ own: bodiesOf(read, judged, mark) })
      hasPlace()
      const { next } = await appending
      const outcome = { kind: 'admitted', leafIndex: next - 1, ...(mark !== null && { mark }) } as const
      return { outcome, leaf: next - 1, mark }
    } catch (error) {
      return refusedFor(error)
    }
  }

  async function putAside(
    { tenant, producer, sender }: Sending,
    ledger: Ledger,
    { read, judged, reason, detail }: { read: Read; judged: Judged; reason: Reason; detail: string },
  ): Promise<Settled> {
    const { submission } = read
    const place = { tenant, ...quarantinePlaceOf(producer, judged) }
    room.keep({ tenant, producer })
    tell(place, { reason, detail })
    try {
      const { item, kept } = await quarantine.keep({
        ...place,
        lines: keptBytesOf(submission),
        reason,
        detail,
        keyId: submission.keyId,
        registry: judged.registry,
        beside: {
          encoding: 'application/json',
          peer: sender,
          receivedAt: judged.received_at,
          position: null,
          side: [],
        },
      })
      // The stub is written once the bytes and their row are durable. If we stop between, the service sends them again.
      const { first } = await ledger.append({ own: { submission_stub: { ...judged, reason, item } } }, undefined, kept)
      await quarantine.placed(place, item, first)
      return { outcome: { kind: 'quarantined', reason, item }, leaf: first }
    } catch (error) {
      return refusedFor(error)
    }
  }

  return {
    begin: beginRequest,
    refuse: async (service, received, asker) => {
      throw limited(await room.refuse(service, beforeNextMs, asker.onGone), received, asker)
    },
    submit,
    settled: async (tenant) => {
      while (underWay.has(tenant)) await done.wait(forever)
    },
  }
}

const forever = new AbortController().signal

function countedAs({ outcome, isRepeat, mark = null }: Settled, keyId: string): RowOutcome {
  if (isRepeat === true) return 'duplicate'
  if (mark !== null) return { reason: mark, keyId, isAdmitted: true }
  return outcome.kind === 'quarantined' ? { reason: outcome.reason as Reason, keyId } : outcome.kind
}

/** Of a full disk a service hears when it may come again; of what is not known, the process ends. */
function refusedFor(error: unknown): Settled {
  if (!isSealwatchError(error) || error.kind === 'fatal') throw error
  const { code } = error
  return { outcome: { kind: 'refused', code, detail: messageOf(error).slice(0, 500), retryAfter: fullRetrySeconds } }
}

function refusal(
  code: keyof typeof rowErrors | 'PRODUCER_HALTED' | 'PRODUCER_SETTLING',
  received: string,
  retryAfter?: number,
): SubmissionOutcome {
  const context = { attempted: 'taking a submission', received }
  const isTrusts = code === 'PRODUCER_HALTED' || code === 'PRODUCER_SETTLING'
  const { message } = isTrusts ? trustError(code, context) : rowError(code, context)
  return { kind: 'refused', code, detail: message, ...(retryAfter !== undefined && { retryAfter }) }
}

/** The same bytes under the same id are there already; others are not taken. */
function repeatOf({ digest, outcome }: Known, read: Read): Settled {
  if (digest !== read.digest)
    return { outcome: refusal('SUBMISSION_ID_TAKEN', `other bytes under ${read.submission.id}`) }
  if (outcome.kind === 'quarantined')
    return { outcome: { kind: outcome.kind, reason: outcome.reason, item: outcome.item }, isRepeat: true }
  return outcome.kind === 'refused'
    ? { outcome }
    : { outcome: { kind: 'duplicate', leafIndex: outcome.leafIndex }, isRepeat: true }
}

function readRows(submission: SignedRows): Read | { readonly fault: string } {
  const fault = formFault(submission)
  if (fault !== undefined) return { fault }
  const read = rowsOf(submission.payload)
  if ('fault' in read) return read
  return { submission, rows: read.rows, digest: sha256(submission.payload).toHex() }
}

type Judged = Pick<Submission, 'producer' | 'registry' | 'received_at' | 'rows' | 'digest' | 'id'>

function bodiesOf({ submission, rows }: Read, judged: Judged, mark: Reason | null): Body[] {
  const { id, form, payloadType, keyId, algorithm, signature } = submission
  const { producer, registry } = judged
  const common = { producer, registry, key_id: keyId, mark }
  const end: Submission = {
    ...judged,
    ...common,
    form,
    payload_type: payloadType,
    algorithm: algorithm as Submission['algorithm'],
    signature: signature.toBase64(),
  }
  return [...rows.map((text, n) => ({ row: { ...common, submission: id, n, text } })), { submission: end }]
}

/** As many rows as there are; in what is no payload of rows, at least one. */
function linesIn(payload: Uint8Array): number {
  let lines = 0
  for (let at = payload.indexOf(0x0a); at >= 0; at = payload.indexOf(0x0a, at + 1)) lines += 1
  return Math.max(1, lines)
}

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { isSealwatchError, messageOf } from '@sealwatch/base'
import {
  type Appended,
  type Fill,
  type Ledger,
  type Replay,
  type SealedSide,
  type SubmissionStub,
  sha256,
  unverifiedFill,
  verifiedFill,
} from '@sealwatch/ledger'
import type { Reason, TenantKeys } from '../../trust/index.ts'
import { ingestError } from '../errors.ts'
import { sealSide } from '../seal-side.ts'
import type { Verdict } from '../verify.ts'
import type { Item } from './item-form.ts'
import { type ItemRows, leafOf, serviceOfRow } from './item-rows.ts'
import { judgeItem, type QuarantineRow } from './judge-item.ts'
import { openRows } from './judge-rows.ts'
import { releaseFault } from './release-fault.ts'
import type { ReplayOptions } from './replays.ts'
import { lineAt, type StubLine, stubAt } from './stub-line.ts'

/**
 * What became of an item, or with a dry run would: `admitted` now, or `already` before; `waiting`, as it is still wrong;
 * `release`: only people can let it in; `taken`: other rows came in under the id of these, which never can; `altered`: its
 * bytes are gone, or others.
 */
export type ReplayOutcome = {
  readonly leaf: number
  readonly outcome: 'admitted' | 'already' | 'waiting' | 'release' | 'taken' | 'altered'
  /** Lines of a host, or rows of a service. */
  readonly lines: number
  readonly reason: string | null
  readonly detail: string
  /** Of its replay; where its rows came in by another way, of these. */
  readonly admittedLeaf: number | null
}

/** `look`: nothing is done. `release`, `non_strict`: with or without a signature that holds. */
export type Step = 'look' | 'verify' | 'release' | 'non_strict'

type Wrong = { readonly reason: Reason; readonly detail: string }
/** An item that may be judged as of now, and the ways by which it would enter the ledger. */
type Opened = {
  /** To be asked before a fill that is to be `verified`. */
  judge(): Promise<Wrong | undefined>
  fill(how: Replay['how']): Promise<{ readonly entry: Appended; readonly side?: SealedSide }>
}

/** Items that run together have their places in the ledger one after the other. */
export type InQueue = {
  /** Settles when nobody who came before wants a place any more. */
  readonly before: Promise<unknown>
  /** To be called once this one has its place. */
  readonly placed: () => void
}
const alone: InQueue = { before: Promise.resolve(), placed: () => undefined }

/** The one way in for what lies in quarantine: whoever wants it, an item is admitted once (quarantine.md, 4.3). */
export type Admissions = {
  /** One after the other for each tenant: what is judged is admitted before what comes next is looked at. */
  inTurn<T>(tenant: string, work: () => Promise<T>): Promise<T>
  /** Within a turn. Those of several items may run together, as long as no two are of one submission. */
  admit(tenant: string, leaf: number, step: Step, queue?: InQueue): Promise<ReplayOutcome>
  /** Where it stands in the ledger, whatever the database says. */
  admittedAt(row: QuarantineRow): Promise<number | undefined>
  /** What can never come in, or needs nobody, is said before anybody puts a name to it. */
  checkReleasable(row: QuarantineRow, attempted: string): Promise<void>
}

export function createAdmissions(options: ReplayOptions, items: ItemRows): Admissions {
  const { store, ledgers, quarantine, keys, isStrict = () => true, indexed } = options
  /** Tenants whose index was seen to hold every replay of before this process. */
  const seen = new Set<string>()
  let doubts = 0
  const turns = new Map<string, Promise<unknown>>()

  function inTurn<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(tenant) ?? Promise.resolve()).then(work)
    turns.set(
      tenant,
      turn.catch(() => undefined),
    )
    return turn
  }

  async function admittedAt(row: QuarantineRow): Promise<number | undefined> {
    if (row.admitted_leaf_index !== null) return row.admitted_leaf_index
    const { tenant } = row
    const ledger = ledgers.get(tenant)
    if (!seen.has(tenant)) {
      const before = doubts
      await ledger.settled()
      await indexed.waitFor(tenant, ledger.size)
      if (doubts === before) seen.add(tenant)
    }
    const filled = await store.index
      .selectFrom('fills')
      .select('leaf_index')
      .where('tenant', '=', tenant)
      .where('stub_leaf', '=', leafOf(row))
      .executeTakeFirst()
    return filled?.leaf_index
  }

  /** Rows of the service that stand in the ledger under the id of these. */
  const namesakeOf = ({ tenant }: Ledger, { producer, id }: SubmissionStub) =>
    store.index
      .selectFrom('submissions')
      .select(['leaf_index', 'digest'])
      .where('tenant', '=', tenant)
      .where('producer', '=', producer)
      .where('id', '=', id)
      .where('kind', '=', 'submission')
      .executeTakeFirst()

  function openItem(ledger: Ledger, row: QuarantineRow, item: Item, line: StubLine, registered: TenantKeys): Opened {
    const stubLeaf = leafOf(row)
    if ('submission_stub' in line) {
      const { judge, fill } = openRows(registered, row, item, { stub: line.submission_stub, stubLeaf })
      return { judge: async () => judge(), fill: async (how) => ({ entry: { own: fill(how) } }) }
    }
    const place = { stub: line.stub, stubLeaf, registry: registered.version }
    const { tenant, chain, first_seq: firstSeq } = row
    let verdict: Verdict | undefined
    return {
      judge: async () => {
        verdict = await judgeItem({ store, ledger, keys: registered }, row, item, line.time)
        return 'reason' in verdict ? verdict : undefined
      },
      fill: async (how) => {
        let fill: Fill
        if (how === 'verified') {
          assert(verdict !== undefined && 'admitted' in verdict, 'lines that were not verified')
          fill = verifiedFill(sha256, verdict.admitted, place)
        } else fill = unverifiedFill(sha256, item.bytes, how, place)
        const values = { chain, firstSeq, lines: fill.lines }
        return { entry: { fill }, side: await sealSide(options, tenant, values, item.beside?.side ?? []) }
      },
    }
  }

  async function admit(tenant: string, leaf: number, step: Step, queue = alone): Promise<ReplayOutcome> {
    // Read within the turn: whoever was before may have admitted it, and the index need not know yet.
    const row = await items.known(tenant, leaf, 'admitting a quarantined item')
    const lines = row.next_seq - row.first_seq
    const told = (outcome: ReplayOutcome['outcome'], more: Partial<ReplayOutcome> = {}): ReplayOutcome => ({
      leaf,
      outcome,
      lines,
      reason: null,
      detail: '',
      admittedLeaf: null,
      ...more,
    })
    const ledger = ledgers.get(tenant)
    const before = await admittedAt(row)
    if (before !== undefined) {
      if (row.state === 'waiting' && step !== 'look') await quarantine.end(row, await howAt(ledger, before), before)
      return told('already', { admittedLeaf: before })
    }
    const line = await stubAt(ledger, leaf)
    if ('submission_stub' in line) {
      const { id, digest } = line.submission_stub
      const namesake = await namesakeOf(ledger, line.submission_stub)
      if (namesake?.digest === digest) {
        if (step !== 'look') await quarantine.end(row, 'duplicate', namesake.leaf_index)
        return told('already', { admittedLeaf: namesake.leaf_index })
      }
      const detail = `other rows of the service stand in the ledger under the id ${id}, at leaf ${namesake?.leaf_index}`
      if (namesake !== undefined) return told('taken', { reason: row.reason, detail })
    }
    const item = await readItem(row)
    if ('altered' in item) return told('altered', { reason: row.reason, detail: item.altered })
    const registered = keys.of(tenant)
    const { edition } = registered
    const { judge, fill } = openItem(ledger, row, item, line, registered)
    const isSame = () => registered.edition === edition && (step !== 'non_strict' || !isStrict(tenant))
    const admitAs = async (how: Replay['how']): Promise<ReplayOutcome> => {
      const { entry, side } = how === 'released' ? await releasing(leaf, () => fill(how)) : await fill(how)
      await queue.before
      // What changes the registry between the judgement and the place in the ledger is judged by again.
      if (!isSame()) return admit(tenant, leaf, step, queue)
      try {
        const appending = ledger.append(entry, side)
        queue.placed()
        const { first } = await appending
        await quarantine.end(row, how, first)
        return told('admitted', { admittedLeaf: first })
      } catch (error) {
        // The ledger may know what no row does: it is asked again by whoever comes next.
        doubts += 1
        seen.delete(tenant)
        throw error
      }
    }
    if (step === 'non_strict') return isStrict(tenant) ? told('waiting', { reason: row.reason }) : admitAs(step)
    // After a restart: what the database says of a key may be ahead of the ledger, whose readers judge by that alone.
    const service = serviceOfRow(row)
    if (step !== 'release' && registered.isSettling(service === undefined ? 'host' : 'service', service ?? row.host_id))
      return told('waiting', {
        reason: row.reason,
        detail: 'what was last said of its keys still waits for the ledger',
      })
    const wrong = await judge()
    if (step === 'release') {
      const unsaid = isForPeople(row, wrong) ? await releaseFault(options, row) : undefined
      if (unsaid !== undefined) return told('release', { reason: row.reason, detail: unsaid })
      if (isForPeople(row, wrong)) return admitAs('released')
      return told('waiting', { reason: row.reason, detail: 'replay is its way, once its key is registered rightly' })
    }
    if (wrong !== undefined) {
      const outcome = wrong.reason === 'invalid_signature' ? 'release' : 'waiting'
      return told(outcome, { reason: wrong.reason, detail: wrong.detail })
    }
    if (row.reason === 'invalid_signature')
      return told('release', { reason: row.reason, detail: 'its signature holds now, and people decide' })
    return step === 'look' ? told('admitted') : admitAs('verified')
  }

  async function readItem(row: QuarantineRow): Promise<Item | { readonly altered: string }> {
    try {
      return await quarantine.read(row.tenant, row)
    } catch (error) {
      if (!isAltered(error)) throw error
      return { altered: messageOf(error) }
    }
  }

  async function checkReleasable(row: QuarantineRow, attempted: string): Promise<void> {
    const { tenant } = row
    const leaf = leafOf(row)
    const ledger = ledgers.get(tenant)
    const item = await quarantine.read(tenant, row)
    const { judge, fill } = openItem(ledger, row, item, await stubAt(ledger, leaf), keys.of(tenant))
    if (!isForPeople(row, await judge()))
      throw ingestError('RELEASE_NOT_NEEDED', {
        attempted,
        received: row.reason,
        ...(row.reason === 'key_revoked' && { advice: revokedAdvice }),
      })
    await releasing(leaf, () => fill('released'))
  }

  return { inTurn, admit, admittedAt, checkReleasable }
}

const revokedAdvice =
  'It stays as evidence of who used the key: have the service send what is genuine anew, under its new key. Lines of a host that a later head covers come in by `sealwatch quarantine replay`'

/** Judged to be without a valid signature, when it came or now. */
const isForPeople = (row: QuarantineRow, wrong: Wrong | undefined) =>
  row.reason === 'invalid_signature' || wrong?.reason === 'invalid_signature'

async function releasing<T>(leaf: number, fill: () => Promise<T>): Promise<T> {
  try {
    return await fill()
  } catch (cause) {
    if (!isSealwatchError(cause)) throw cause
    const attempted = `releasing the item at leaf ${leaf}`
    throw ingestError('RELEASE_IMPOSSIBLE', { attempted, received: messageOf(cause), cause })
  }
}

/** How what stands behind the replay at `leaf` came in. */
async function howAt(ledger: Ledger, leaf: number): Promise<Replay['how']> {
  const attempted = `reading the replay at leaf ${leaf}`
  const line = await lineAt(ledger, leaf, attempted)
  if (line !== undefined && 'replay' in line) return line.replay.how
  if (line !== undefined && 'submission_replay' in line) return line.submission_replay.how
  throw ingestError('QUARANTINE_UNKNOWN', { attempted, received: 'no replay' })
}

const isAltered = (error: unknown) =>
  isSealwatchError(error, 'QUARANTINE_ALTERED') ||
  isSealwatchError(error, 'QUARANTINE_GONE') ||
  isSealwatchError(error, 'SEALED_UNREADABLE')

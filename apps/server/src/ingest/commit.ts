// SPDX-License-Identifier: Apache-2.0

import { type Clock, createFairTurns, isSealwatchError, type Log } from '@sealwatch/base'
import { limits, type ShipRequest } from '@sealwatch/contract'
import {
  equal,
  type Ledger,
  leafHash,
  type Placed,
  parseLine,
  sha256,
  splitLines,
  type VerifiedBatch,
} from '@sealwatch/ledger'
import type { SideCustody } from '../custody/index.ts'
import type { Host } from '../identity/index.ts'
import type { Store } from '../store/index.ts'
import type { KeyRegistry } from '../trust/index.ts'
import { ingestError } from './errors.ts'
import type { Ledgers } from './ledgers.ts'
import { type Sender, unknownSender } from './quarantine/item-form.ts'
import type { Quarantine, QuarantinedBatch } from './quarantine/quarantine.ts'
import { createTeller } from './quarantine/teller.ts'
import type { RowBook, RowOutcome } from './row-counts.ts'
import { sealSide } from './seal-side.ts'
import type { IngestPort, Outcome } from './transport/ingest-port.ts'
import { isLinked, judgeBatch } from './verify.ts'

export type Ingest = IngestPort

export type IngestOptions = {
  readonly store: Store
  readonly ledgers: Ledgers
  readonly quarantine: Quarantine
  readonly keys: Pick<KeyRegistry, 'of'>
  readonly side: SideCustody
  readonly rowBook: Pick<RowBook, 'arrive'>
  /** Whether what fails verification stays out; left out: it does. */
  readonly isStrict?: (tenant: string) => boolean
  /** Brings in what stands in quarantine behind its stub at `leaf`; its replay's leaf, undefined where it has to stay. */
  readonly admitUnverified?: (tenant: string, leaf: number) => Promise<number | undefined>
  /** Resolves when the index covers the leaves before `leaf`. */
  readonly indexed: { waitFor(tenant: string, leaf: number): Promise<void> }
  /** Looks at a batch while the disk writes it, and is then told where it stands. */
  readonly look?: (tenant: string, batch: VerifiedBatch) => (placed: Placed) => void
  readonly clock: Clock
  readonly log: Log
}

/** After so many lines everything else on this thread has a turn: the index, the rules, and what they find. */
const linesAtOnce = 256

/** Judged, and handed on in its turn; `outcome` comes when it is on stable storage. */
type Begun = { readonly outcome: Promise<Outcome>; readonly as: RowOutcome }

/** Verifies batches and brings them into their tenant's ledger; what fails verification is kept beside it. */
export function createIngest(options: IngestOptions): Ingest {
  const { store, ledgers, quarantine, keys, rowBook, indexed, look, clock, log } = options
  const { isStrict = always, admitUnverified } = options
  const turns = new Map<string, Promise<unknown>>()
  const tell = createTeller(clock, log)
  const fair = createFairTurns(clock, linesAtOnce)

  /** The batches of a chain are judged one after the other, each against where the one before left the chain. */
  function inTurn<T>(chain: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(chain) ?? Promise.resolve()).then(work)
    const done: Promise<void> = turn.then(forget, forget)
    function forget(): void {
      if (turns.get(chain) === done) turns.delete(chain)
    }
    turns.set(chain, done)
    return turn
  }

  async function submit(host: Host, tenant: string, batch: ShipRequest, sender = unknownSender): Promise<Outcome> {
    // As many as there are: what a host announces may be anything.
    const lines = Math.max(1, newlinesIn(batch.lines))
    const count = rowBook.arrive(tenant, lines)
    try {
      const { outcome, as } = await inTurn(batch.chain, async () => {
        const endTurn = await fair.take(tenant, host.hostId, lines)
        const begun = begin(host, tenant, batch, sender)
        // It is judged by now; keys that are far, or the disk, are nobody else's matter.
        endTurn()
        return begun
      })
      const settled = await outcome
      count(typeof as === 'object' && settled.kind === 'acknowledged' ? { ...as, isAdmitted: true } : as, batch.count)
      return settled
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      count('refused', lines)
      log.warn('batch refused', { host_id: host.hostId, chain: batch.chain, first_seq: batch.firstSeq, error })
      return { kind: 'refused', error, expected: ledgers.get(tenant).position(batch.chain) }
    }
  }

  async function begin(host: Host, tenant: string, batch: ShipRequest, sender: Sender): Promise<Begun> {
    const attempted = `taking a batch of chain ${batch.chain} from host ${host.hostId}`
    const firstSeq = Number(batch.firstSeq)
    const nextSeq = firstSeq + batch.count
    const fits = Number.isSafeInteger(nextSeq) && batch.count > 0 && batch.count <= limits.batchLinesMax
    if (!fits || batch.lines.length > limits.batchBytesMax) throw malformed(attempted, batch)
    const ledger = ledgers.get(tenant)
    const position = ledger.position(batch.chain)
    if (firstSeq !== position.nextSeq) checkCount(attempted, batch)
    if (nextSeq <= position.nextSeq) return { outcome: repeat(ledger, batch), as: 'duplicate' }
    if (firstSeq !== position.nextSeq) {
      throw ingestError('INGEST_GAP', { attempted, received: `line ${firstSeq} where ${position.nextSeq} was due` })
    }
    const registered = keys.of(tenant)
    const owner = { hostId: host.hostId, tenant }
    let receivedAt = ''
    const judge = () => {
      const nowNs = clock.nowNs()
      receivedAt = registered.receivedAt(nowNs)
      return judgeBatch(batch, position, owner, registered.key, (keyId) => {
        receivedAt = registered.receivedAt(nowNs, keyId)
        return receivedAt
      })
    }
    let { edition } = registered
    let verdict = judge()
    let sealed: ReadonlyMap<number, Uint8Array> | undefined
    // Nothing that changes the registry comes between the judgement and the place in the ledger.
    while ('admitted' in verdict && sealed === undefined) {
      sealed = await sealSide(options, tenant, { ...verdict.admitted, lines: verdict.admitted }, sideOf(batch))
      if (registered.edition === edition) break
      edition = registered.edition
      verdict = judge()
    }
    if ('reason' in verdict) {
      // Otherwise its stub would stand in the place of lines that nobody sent (stub.md, 2).
      checkCount(attempted, batch)
      const { reason, detail, keyId } = verdict
      const at = { tenant, hostId: host.hostId, chain: batch.chain, firstSeq, nextSeq }
      tell(at, { reason, detail })
      const side = [...sideOf(batch)]
      const beside = { encoding: ndjsonLines, peer: sender, receivedAt, position, side }
      const kept = {
        ...at,
        hostname: host.hostname,
        lines: batch.lines,
        reason,
        detail,
        keyId,
        registry: registered.version,
        beside,
      }
      const mayAdmit = !isStrict(tenant) && isLinked(batch, position, tenant)
      // Sealed within the turn, and its stub has its place: from there the next batch goes on, while the disk writes both.
      const { placed } = await putAside(ledger, kept)
      const outcome = placed.then(async (place): Promise<Outcome> => {
        const leafIndex = mayAdmit ? await admitLinked(batch, tenant, place.leafIndex) : undefined
        if (leafIndex !== undefined) return { kind: 'acknowledged', nextSeq, leafIndex }
        return { kind: 'quarantined', nextSeq, reason, ...place }
      })
      return { outcome, as: { reason, keyId } }
    }
    return { outcome: admit(ledger, verdict.admitted, sealed as ReadonlyMap<number, Uint8Array>), as: 'admitted' }
  }

  async function admit(
    ledger: Ledger,
    batch: VerifiedBatch,
    sealed: ReadonlyMap<number, Uint8Array>,
  ): Promise<Outcome> {
    const appending = ledger.append(batch, sealed)
    const looked = look?.(ledger.tenant, batch)
    const placed = await appending
    looked?.(placed)
    return { kind: 'acknowledged', nextSeq: batch.end.nextSeq, leafIndex: placed.next - 1 }
  }

  /** Its stub has its place when this resolves; all of it is durable when `placed` does. */
  async function putAside(
    ledger: Ledger,
    batch: QuarantinedBatch,
  ): Promise<{ placed: Promise<{ item: string; leafIndex: number }> }> {
    const { chain, firstSeq, nextSeq, reason, registry } = batch
    const { item, kept } = await quarantine.keep(batch)
    const stub = { chain, first_seq: firstSeq, next_seq: nextSeq, reason, item, registry }
    // The stub is written once the bytes and their row are durable. If we stop between, the host sends the batch again.
    const placed = ledger.append({ own: { stub } }, undefined, kept).then(async ({ first }) => {
      await quarantine.placed(batch, item, first)
      return { item, leafIndex: first }
    })
    return { placed }
  }

  /**
   * Strict signatures are off: what goes on where its chain stands is admitted, and marked. The leaf of its last line;
   * undefined: it stays in quarantine.
   */
  async function admitLinked({ count }: ShipRequest, tenant: string, stubLeaf: number): Promise<number | undefined> {
    // Its item is whole and its stub stands. If we stop here, it waits in quarantine like any other.
    const replayLeaf = await admitUnverified?.(tenant, stubLeaf).catch((error: unknown) => {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      log.warn('an item waits in quarantine, though strict signatures are off', { tenant, stub_leaf: stubLeaf, error })
      return undefined
    })
    return replayLeaf === undefined ? undefined : replayLeaf + count
  }

  /** What was accepted already comes again when its acknowledgement was lost: acknowledged, not stored twice. */
  async function repeat(ledger: Ledger, batch: ShipRequest): Promise<Outcome> {
    const { chain, count } = batch
    const firstSeq = Number(batch.firstSeq)
    const nextSeq = firstSeq + count
    const attempted = `comparing lines ${firstSeq} to ${nextSeq - 1} of chain ${chain} with the ledger`
    await ledger.settled()
    await indexed.waitFor(ledger.tenant, ledger.size)
    const leafIndex = (await leafOfSame(ledger, batch, attempted)) ?? (await stubOfSame(ledger, batch, attempted))
    if (leafIndex === undefined) throw ingestError('INGEST_FORKED', { attempted, received: 'other bytes' })
    // Of this batch alone: the chain may have gone on meanwhile, with lines that are not durable yet.
    return { kind: 'acknowledged', nextSeq, leafIndex }
  }

  /** The leaf of the batch's last line, when every line of it stands in the ledger as it comes now. */
  async function leafOfSame(ledger: Ledger, batch: ShipRequest, attempted: string): Promise<number | undefined> {
    const firstSeq = Number(batch.firstSeq)
    const rows = await store.index
      .selectFrom('batches')
      .select(['leaf_index', 'last_seq'])
      .where('tenant', '=', ledger.tenant)
      .where('chain', '=', batch.chain)
      .where('last_seq', '>=', firstSeq)
      .where('last_seq', '<', firstSeq + batch.count)
      // Of a fill, how it came in.
      .where('kind', '<>', 'stub')
      .orderBy('last_seq')
      .execute()
    const last = rows.at(-1)
    if (last === undefined || last.last_seq - firstSeq + 1 !== batch.count) return undefined
    const lines = splitLines(batch.lines, batch.count, attempted)
    let done = 0
    for (const { leaf_index, last_seq } of rows) {
      const upTo = last_seq - firstSeq + 1
      const first = leaf_index + 1 - (upTo - done)
      const isSame = (hash: Uint8Array, i: number) => equal(hash, leafHash(sha256, lines[done + i] ?? nothing))
      if (first < 0 || !ledger.leafHashes(first, leaf_index + 1).every(isSame)) return undefined
      done = upTo
    }
    return last.leaf_index
  }

  /** The leaf of the stub that stands in the place of exactly this batch. */
  async function stubOfSame(ledger: Ledger, batch: ShipRequest, attempted: string): Promise<number | undefined> {
    const row = await store.index
      .selectFrom('batches')
      .select('leaf_index')
      .where('tenant', '=', ledger.tenant)
      .where('chain', '=', batch.chain)
      .where('last_seq', '=', Number(batch.firstSeq) + batch.count - 1)
      .where('kind', '=', 'stub')
      .executeTakeFirst()
    const [leaf] = row === undefined ? [] : await ledger.readChecked(row.leaf_index, 1)
    const line = leaf && parseLine(sha256, leaf.line, attempted).line
    const isSame = line !== undefined && 'stub' in line && line.stub.item === sha256(batch.lines).toHex()
    return isSame && line.stub.first_seq === Number(batch.firstSeq) ? row?.leaf_index : undefined
  }

  return { submit, position: async (tenant, chain) => ledgers.get(tenant).position(chain) }
}

const always = () => true
const ndjsonLines = 'application/x-ndjson'

function* sideOf({ side }: ShipRequest): Generator<readonly [number, Uint8Array]> {
  for (const { seq, values } of side) yield [Number(seq), values]
}

const newline = 0x0a
const nothing = new Uint8Array(0)

/** Of a batch that was not judged to be in order: that takes as many lines as were announced. */
function checkCount(attempted: string, batch: ShipRequest): void {
  if (newlinesIn(batch.lines) !== batch.count) throw malformed(attempted, batch)
}

function malformed(attempted: string, { firstSeq, count, lines }: ShipRequest) {
  const received = `${count} lines from ${firstSeq}, in ${lines.length} bytes with ${newlinesIn(lines)} newlines`
  return ingestError('INGEST_MALFORMED', { attempted, received })
}

function newlinesIn({ buffer, byteOffset, length }: Uint8Array): number {
  // As a Buffer it is looked through four times as fast, and each batch is.
  const bytes = Buffer.from(buffer, byteOffset, length)
  let count = 0
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count += 1
  return count
}

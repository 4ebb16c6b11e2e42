// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  type AppendFile,
  type Clock,
  createBell,
  type Disk,
  errorsOf,
  isSealwatchError,
  messageOf,
} from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import type { NoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import { batchErrors, type VerifiedBatch } from '../verify/batch.ts'
import { beginFilling, type ChainPosition, extendChain, skipStub } from '../verify/chain.ts'
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from '../verify/checkpoint.ts'
import { eventRow, numbersPerEvent } from '../verify/event-row.ts'
import type { Fill } from '../verify/fill.ts'
import type { Body, ParsedLine, Stub } from '../verify/line.ts'
import type { Lines } from '../verify/lines.ts'
import { equal, type Hash, leafHash } from '../verify/merkle.ts'
import { type NoteVerifier, openNote } from '../verify/note.ts'
import type { BundleIndex } from './bundle-index.ts'
import { ledgerErrors } from './errors.ts'
import { tileWidth } from './hash-store.ts'
import { type LineStore, openLineStore } from './line-store.ts'
import { checkBody, type OwnBody, placeBodies } from './own-lines.ts'
import { consistencyProof, inclusionProof } from './proofs.ts'
import { readSaved, recover, type Saved, type State, tellsOfKeys } from './recover.ts'
import { cutSide, readSideRows, type SideRow, sideRow } from './side-rows.ts'
import { createTail, type Tail, type TailRoom } from './tail.ts'

const ledgerError = errorsOf(ledgerErrors)
const batchError = errorsOf(batchErrors)

export type Leaf = { readonly index: number; readonly line: Uint8Array }
export type SignedCheckpoint = Checkpoint & { readonly note: string; readonly signedBy: NoteVerifier }
/** Leaves [first, next) of the ledger. */
export type Placed = { readonly first: number; readonly next: number }
/** Sealed personal values by the number of the line in its chain. */
export type SealedSide = ReadonlyMap<number, Uint8Array>

/** The lines of a fill stand behind its `replay`, which is the first leaf. */
export type Appended = VerifiedBatch | { readonly own: Body | readonly Body[] } | { readonly fill: Fill }

export type LedgerOptions = {
  readonly dir: string
  readonly tenant: string
  /** C2SP tlog-checkpoint origin; also the name of the keys that sign checkpoints. */
  readonly origin: string
  /** Signs as of now; throws when no key may. Keys change over time: what one signed the next signs again. */
  readonly signer: () => NoteSigner
  /** Keys besides it that may have signed the checkpoint that lies on disk. */
  readonly knownKeys?: readonly NoteVerifier[]
  readonly clock: Clock
  readonly disk: Disk
}

export type Ledger = {
  readonly tenant: string
  readonly origin: string
  /** The chain of the lines that the ledger's server writes itself. */
  readonly chain: string
  /** Leaves on stable storage. */
  readonly size: number
  /** The last of them that tells of keys: the version of their registry. 0, which is an anchor: none does. */
  readonly registry: number
  /** How many of them do. */
  readonly keyLines: number
  /** Where a producer's chain stands, with everything that was handed to `append` so far. */
  position(chain: string): ChainPosition
  /**
   * Appends a verified batch, a line of the ledger's own chain, rows with their submission, or quarantined lines behind their
   * `replay`. Resolves when it is on stable storage; what waits while a write is under way goes into the next one. On
   * DISK_FULL nothing of it is in the ledger. It has its place at once, and is written when `after` has resolved: where that
   * rejects, nothing of it is in the ledger, nor of what shares its write.
   */
  append(item: Appended, side?: SealedSide, after?: Promise<unknown>): Promise<Placed>
  /** Since when the write that is under way lasts (Unix ms): a disk that hangs says nothing. Undefined: none is. */
  readonly writingSinceMs: number | undefined
  /** Resolves when everything handed to `append` before is on stable storage, or was refused. */
  settled(): Promise<void>
  read(from: number, max: number): Promise<Leaf[]>
  /** The same, each line held against its hash: what is handed out goes this way. Throws LEDGER_ALTERED. */
  readChecked(from: number, max: number): Promise<Leaf[]>
  /** For one index that means to keep up; what it holds takes of `room`. Events of `wholeClass` are handed on whole. */
  tail(room: TailRoom, wholeClass: number): Tail
  /** Rows of personal values from byte `from` on that belong to leaves before `leaf`. */
  readSide(from: number, leaf: number): Promise<{ rows: SideRow[]; next: number }>
  waitFor(index: number, signal: AbortSignal): Promise<void>
  /** Signs the present size, unless the key of now has done so already. */
  checkpoint(): Promise<SignedCheckpoint>
  readonly signed: SignedCheckpoint | undefined
  rootAt(size: number): Hash
  inclusion(index: number, size: number): Hash[]
  consistency(oldSize: number, newSize: number): Hash[]
  subtree(level: number, index: number): Hash
  leafHashes(from: number, to: number): Hash[]
  close(): Promise<void>
}

type Waiting = {
  item: Appended
  /** Of its lines in the ledger's own chain. */
  bodies: readonly OwnBody[]
  side: SealedSide | undefined
  after: Promise<unknown> | undefined
  resolve: (placed: Placed) => void
  reject: (cause: unknown) => void
}

/** Lines as they are written: a batch, one of the ledger's own, or those of a fill. */
type Part = VerifiedBatch | Lines | (Lines & { readonly isFilled: true })

export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { dir, disk, origin, tenant } = options
  await disk.makeDirectory(dir)
  await using opened = new AsyncDisposableStack()
  const saved = await readSaved(dir, disk)
  const lines = opened.adopt(await openLineStore(join(dir, 'lines'), disk, saved?.bytes), (store) => store.close())
  const signed = await readCheckpoint(options)
  const state = opened.adopt(await recover(dir, origin, lines, signed, saved, disk), (derived) => derived.close())
  const side = opened.adopt(await disk.openAppend(join(dir, 'side'), saved?.sideBytes), (file) => file.close())
  await cutSide(disk, side, state.sideBytes, state.hashes.size)
  const ledger = createLedger(options, lines, side, state, signed)
  if (ledger.size === 0) {
    const anchor = { tenant, key_id: null, origin, prev_file: null, prev_last_hash: null, prev_sequence_num: null }
    await ledger.append({ own: { anchor } })
  }
  opened.move()
  return ledger
}

function createLedger(
  { dir, disk, clock, origin, tenant, signer }: LedgerOptions,
  lines: LineStore,
  side: AppendFile,
  state: State,
  lastSigned: SignedCheckpoint | undefined,
): Ledger {
  const { hashes, bundles, walk } = state
  const own = walk.own ?? randomBytes(16).toString('hex')
  const bell = createBell()
  // Runs ahead of `walk` by what waits to be written.
  const admitted = new Map<string, ChainPosition>()
  let waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let writingSinceMs: number | undefined
  let signing: Promise<unknown> = Promise.resolve()
  // What is on stable storage; all of it changes in one turn.
  const { registry, keyLines } = state
  let durable = { size: hashes.size, bytes: lines.bytes, sideBytes: side.size, registry, keyLines }
  let signed = lastSigned
  let saved: Pick<Saved, 'size' | 'root'> | undefined = state.saved
  let failure: unknown
  const tails = new Set<ReturnType<typeof createTail>>()

  const position = (chain: string) => admitted.get(chain) ?? walk.position(chain)

  /** What cannot stand in the ledger is refused here, before it shares a write with others. */
  function admit(item: Appended): readonly OwnBody[] {
    const attempted = `appending to the ledger ${origin}`
    if ('fill' in item) {
      const { replay } = item.fill
      beginFilling(replay, position(replay.chain), own, attempted)
      return [checkBody(own, { replay }, attempted)]
    }
    if ('own' in item) {
      const bodies = [item.own].flat()
      const checked = bodies.map((body) => checkBody(own, body, attempted))
      for (const body of bodies) if ('stub' in body) passOver(body.stub, attempted)
      return checked
    }
    const isForeign = item.others
      .values()
      .some((parsed) => parsed.kind === 'anchor' && anchorOf(parsed)?.tenant !== tenant)
    if (isForeign || item.chain === own)
      throw batchError('BATCH_MALFORMED', { attempted, received: `lines that do not belong to the tenant ${tenant}` })
    extendChain(position(item.chain), item.lineAt(0), attempted)
    admitted.set(item.chain, item.end)
    return []
  }

  const passOver = (stub: Stub, attempted: string) =>
    admitted.set(stub.chain, skipStub(position(stub.chain), stub, attempted))

  async function write(): Promise<void> {
    // Ends in the same turn in which it finds nothing waiting, so that no append falls between.
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      writingSinceMs = clock.nowMs()
      let isUntouched = true
      try {
        for (const { after } of group) if (after !== undefined) await after
        isUntouched = false
        await writeGroup(group)
      } catch (cause) {
        const refused = [...group, ...waiting]
        waiting = []
        admitted.clear()
        if (!isUntouched && !isSealwatchError(cause, 'DISK_FULL')) failure = cause
        for (const { reject } of refused) reject(cause)
      }
    }
    admitted.clear()
    writing = undefined
    writingSinceMs = undefined
  }

  async function writeGroup(group: readonly Waiting[]): Promise<void> {
    const { parts, sideRows, placed } = layOut(group)
    // Personal values first: if we stop before their lines are written, cutSide takes them back.
    if (sideRows.length > 0) await side.append([Buffer.from(sideRows.join(''))])
    await lines.append(parts.map(({ ndjson }) => ndjson)).catch(async (cause: unknown) => {
      if (isSealwatchError(cause, 'DISK_FULL')) await side.truncate(durable.sideBytes)
      throw cause
    })
    // The lines are durable, their hashes are derived: if we stop here, recover() computes them again.
    let { size, bytes, registry, keyLines } = durable
    for (const part of parts) {
      for (const tail of tails) tail.push(size, part, !('end' in part || 'isFilled' in part))
      if ('end' in part) walk.take(part, following)
      else
        for (let i = 0; i < part.count; i += 1) {
          const leaf = part.lineAt(i)
          walk.step(leaf, following)
          if (!tellsOfKeys(leaf)) continue
          registry = size + i
          keyLines += 1
        }
      for (let i = (tileWidth - (size % tileWidth)) % tileWidth; i < part.count; i += tileWidth)
        bundles.note(size + i, bytes + (part.rows[i * numbersPerEvent + eventRow.from] as number))
      size += part.count
      bytes += part.ndjson.length
    }
    hashes.append(Buffer.concat(parts.map((part) => part.hashes)))
    bundles.flush()
    durable = { size, bytes, sideBytes: side.size, registry, keyLines }
    for (const [i, { resolve }] of group.entries()) resolve(placed[i] as Placed)
    bell.ring()
  }

  /** The lines of a group in the order of their leaves; those of the ledger's own chain are sealed only now. */
  function layOut(group: readonly Waiting[]): { parts: Part[]; sideRows: string[]; placed: Placed[] } {
    const parts: Part[] = []
    const sideRows: string[] = []
    const placed: Placed[] = []
    let ownPosition = walk.position(own)
    let next = durable.size
    for (const { item, bodies, side: values } of group) {
      const first = next
      const add = (part: Part) => {
        parts.push(part)
        next += part.count
      }
      if (bodies.length > 0) {
        const { lines: written, end } = placeBodies(own, ownPosition, bodies, clock)
        ownPosition = end
        add(written)
      }
      if (!('own' in item)) {
        const isFill = 'fill' in item
        const firstSeq = isFill ? item.fill.replay.first_seq : item.firstSeq
        for (const seq of [...(values?.keys() ?? [])].sort((a, b) => a - b))
          sideRows.push(sideRow(next + seq - firstSeq, values?.get(seq) as Uint8Array))
        add(isFill ? { ...item.fill.lines, isFilled: true } : item)
      }
      placed.push({ first, next })
    }
    return { parts, sideRows, placed }
  }

  /** Compare, swap, then sign: what is signed is durable and extends what was signed before. */
  async function sign(): Promise<SignedCheckpoint> {
    // What was written may have lost its name, and then the next start would not find it.
    await lines.check(durable.bytes)
    // What is signed is read at one moment: lines are appended all the while.
    // The hashes may be ahead of what is durable: the process is about to stop.
    if (failure !== undefined) throw failure
    const key = signer()
    if (signed?.size === durable.size && equal(signed.signedBy.publicKey, key.verifier.publicKey)) return signed
    const checkpoint = { origin, size: durable.size, root: hashes.root() }
    const chains = [...walk.entries()].map(([chain, { nextSeq, tip, epoch }]) => [chain, nextSeq, tip, epoch] as const)
    const next: Saved = { ...durable, root: checkpoint.root.toHex(), own, chains }
    const onDisk = await readSaved(dir, disk)
    if (onDisk?.size !== saved?.size || onDisk?.root !== saved?.root) {
      throw ledgerError('LEDGER_FORKED', {
        attempted: `signing size ${next.size} of ${origin}`,
        received: `a saved size of ${onDisk?.size} where ${saved?.size} was saved last`,
      })
    }
    await Promise.all([hashes.sync(), bundles.sync()])
    await disk.replace(join(dir, 'saved.json'), JSON.stringify(next))
    saved = next
    // The size is saved, its signature is not. If we stop here, the next call signs what recover() found to be durable.
    const note = key.sign(formatCheckpoint(checkpoint))
    await disk.replace(join(dir, 'checkpoint'), note, 0o644)
    signed = { ...checkpoint, note, signedBy: key.verifier }
    return signed
  }

  const read = (from: number, max: number) => readLeaves(lines, bundles, from, Math.min(durable.size, from + max))

  async function settled(): Promise<void> {
    while (writing !== undefined) await writing
  }

  return {
    tenant,
    origin,
    chain: own,
    get size() {
      return durable.size
    },
    get registry() {
      return durable.registry
    },
    get keyLines() {
      return durable.keyLines
    },
    get signed() {
      return signed
    },
    get writingSinceMs() {
      return writingSinceMs
    },
    position,
    append: (item, sealedSide, after) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure)
        const bodies = admit(item)
        waiting.push({ item, bodies, side: sealedSide, after, resolve, reject })
        writing ??= write()
      }),
    settled,
    read,
    tail: (room, wholeClass) => {
      const tail = createTail(room, wholeClass, read, () => tails.delete(tail))
      tails.add(tail)
      return tail
    },
    readChecked: async (from, max) => {
      const leaves = await read(from, max)
      const due = hashes.leaves(from, from + leaves.length)
      const altered = leaves.find(({ line }, i) => !equal(leafHash(sha256, line), due[i] as Hash))
      if (altered === undefined) return leaves
      const received = `another line at leaf ${altered.index}`
      throw ledgerError('LEDGER_ALTERED', { attempted: `reading the ledger ${origin}`, received })
    },
    readSide: async (from, leaf) =>
      from < side.size ? readSideRows(disk, side.path, from, leaf) : { rows: [], next: from },
    waitFor: async (index, signal) => {
      while (!signal.aborted && durable.size <= index) await bell.wait(signal)
    },
    checkpoint: () => {
      const result = signing.then(sign)
      signing = result.catch(() => undefined)
      return result
    },
    rootAt: (size) => hashes.rootOf(0, size),
    inclusion: (index, size) => inclusionProof(hashes, index, size),
    consistency: (oldSize, newSize) => consistencyProof(hashes, oldSize, newSize),
    subtree: (level, index) => hashes.subtree(level, index),
    leafHashes: (from, to) => hashes.leaves(from, to),
    close: async () => {
      failure ??= ledgerError('LEDGER_CLOSED', { attempted: `working on the ledger ${origin}` })
      await settled()
      await signing
      await lines.close()
      await side.close()
      state.close()
    },
  }
}

const following = 'following the chains of the ledger'
const anchorOf = ({ line }: ParsedLine) => ('anchor' in line ? line.anchor : undefined)

/** At least one leaf from `from` on, and at most those before `to`. */
async function readLeaves(store: LineStore, bundles: BundleIndex, from: number, to: number): Promise<Leaf[]> {
  if (from >= to) return []
  const leaves: Leaf[] = []
  let index = Math.floor(from / tileWidth) * tileWidth
  let byte = bundles.startOf(index / tileWidth)
  const end = bundles.startOf(Math.ceil(to / tileWidth))
  while (leaves.length === 0) {
    const lines = await store.read(byte, to - index, Number.isNaN(end) ? undefined : end)
    if (lines.length === 0)
      throw ledgerError('LEDGER_BEHIND', { attempted: `reading leaf ${index}`, received: `nothing at byte ${byte}` })
    for (const { line, end: next } of lines) {
      if (index >= from) leaves.push({ index, line })
      index += 1
      byte = next
    }
  }
  return leaves
}

async function readCheckpoint(options: LedgerOptions): Promise<SignedCheckpoint | undefined> {
  const { dir, signer, knownKeys = [], origin, disk } = options
  const attempted = `opening the ledger ${origin}`
  const stored = await disk.read(join(dir, 'checkpoint'))
  if (stored === undefined) return undefined
  const note = Buffer.from(stored).toString('utf8')
  const keys = [signer().verifier, ...knownKeys]
  try {
    const { text, signers } = openNote(note, keys, verifyEd25519, attempted)
    return { ...parseCheckpoint(text, attempted), note, signedBy: signers[0] as NoteVerifier }
  } catch (cause) {
    // Keys are forgotten once nothing on the disk is signed by them: an older copy was put in its place, or another's.
    const received = `a checkpoint that no key of this server signed: ${messageOf(cause)}`
    throw ledgerError('LEDGER_BEHIND', { attempted, received, cause })
  }
}

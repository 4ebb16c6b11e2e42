// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type AppendFile,
  type Clock,
  createBell,
  type Disk,
  type ErrorTable,
  errorsOf,
  isSealwatchError,
  makeDirectory,
} from '@sealwatch/base'
import { verifyEd25519 } from '@sealwatch/keys'
import { sealLine } from '../chain/seal.ts'
import type { NoteSigner } from '../note-signer.ts'
import { sha256 } from '../sha256.ts'
import type { VerifiedBatch } from '../verify/batch.ts'
import { type ChainPosition, type ChainWalk, createChainWalk } from '../verify/chain.ts'
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from '../verify/checkpoint.ts'
import { type Body, type ParsedLine, parseLine } from '../verify/line.ts'
import type { Hash } from '../verify/merkle.ts'
import { openNote } from '../verify/note.ts'
import { type BundleIndex, openBundleIndex } from './bundle-index.ts'
import { type HashStore, openHashStore, tileWidth } from './hash-store.ts'
import { type LineStore, openLineStore, readChunk } from './line-store.ts'
import { consistencyProof, inclusionProof } from './proofs.ts'

export const ledgerErrors = {
  LEDGER_BEHIND: {
    kind: 'fatal',
    rule: 'a ledger holds everything that its last signed checkpoint covers',
    advice:
      'The files were cut, altered or restored from an older copy. Do not delete them: restore the newer copy, or keep both as evidence',
  },
  LEDGER_FORKED: {
    kind: 'fatal',
    rule: 'one process alone extends a ledger',
    advice: 'Another server works on the same data directory: stop one of the two',
  },
} as const satisfies ErrorTable
const ledgerError = errorsOf(ledgerErrors)

export type Leaf = { readonly index: number; readonly line: Uint8Array }
export type SignedCheckpoint = Checkpoint & { readonly note: string }
/** Leaves [first, next) of the ledger. */
export type Placed = { readonly first: number; readonly next: number }
/** Sealed personal values by the number of the line in its chain. */
export type SealedSide = ReadonlyMap<number, Uint8Array>

export type LedgerOptions = {
  readonly dir: string
  readonly tenant: string
  /** C2SP tlog-checkpoint origin; also the name of the key that signs checkpoints. */
  readonly signer: NoteSigner
  readonly origin: string
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
  /** Where a producer's chain stands, with everything that was handed to `append` so far. */
  position(chain: string): ChainPosition
  /**
   * Appends a verified batch, or a line of the ledger's own chain. Resolves when it is on stable storage; what waits
   * while a write is under way goes into the next one. On DISK_FULL nothing of it is in the ledger.
   */
  append(item: VerifiedBatch | { readonly own: Body }, side?: SealedSide): Promise<Placed>
  /** Resolves when everything handed to `append` before is on stable storage, or was refused. */
  settled(): Promise<void>
  read(from: number, max: number): Promise<Leaf[]>
  /** Rows of personal values from byte `from` on that belong to leaves before `leaf`. */
  readSide(from: number, leaf: number): Promise<{ rows: { index: number; sealed: Uint8Array }[]; next: number }>
  waitFor(index: number, signal: AbortSignal): Promise<void>
  /** Signs the present size, unless that is signed already. */
  checkpoint(): Promise<SignedCheckpoint>
  readonly signed: SignedCheckpoint | undefined
  inclusion(index: number, size: number): Hash[]
  consistency(oldSize: number, newSize: number): Hash[]
  subtree(level: number, index: number): Hash
  leafHashes(from: number, to: number): Hash[]
  close(): Promise<void>
}

/** What was true when the hashes were last made durable; opening starts from here. */
type Saved = {
  size: number
  bytes: number
  sideBytes: number
  root: string
  own: string
  chains: [string, number, string | null][]
}
type State = { hashes: HashStore; bundles: BundleIndex; walk: ChainWalk; sideBytes: number }
type Waiting = {
  item: VerifiedBatch | { own: Body }
  side: SealedSide | undefined
  resolve: (placed: Placed) => void
  reject: (cause: unknown) => void
}

export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { dir, disk, clock, origin, tenant } = options
  await makeDirectory(dir)
  const lines = await openLineStore(join(dir, 'lines'), disk)
  const signed = await readCheckpoint(options)
  const state = await recover(options, lines, signed)
  const side = await disk.openAppend(join(dir, 'side'))
  await cutSide(side, state)
  const ledger = createLedger(options, lines, side, state, signed)
  if (ledger.size === 0) {
    const anchor = { tenant, key_id: null, origin, prev_file: null, prev_last_hash: null, prev_sequence_num: null }
    await ledger.append({ own: { anchor } })
  }
  return ledger

  function createLedger(
    { signer }: LedgerOptions,
    store: LineStore,
    sideStore: AppendFile,
    { hashes, bundles, walk }: State,
    lastSigned: SignedCheckpoint | undefined,
  ): Ledger {
    const own = walk.own ?? randomBytes(16).toString('hex')
    const bell = createBell()
    // `admitted` runs ahead of `walk` by what waits to be written.
    const admitted = new Map<string, ChainPosition>()
    let waiting: Waiting[] = []
    let writing: Promise<void> | undefined
    let size = hashes.size
    let signedNow = lastSigned
    let saved: { size: number; root: string } | undefined
    let failure: unknown

    const position = (chain: string) => admitted.get(chain) ?? walk.position(chain)

    async function write(): Promise<void> {
      // Ends in the same turn in which it finds nothing waiting, so that no append falls between.
      while (waiting.length > 0) {
        const group = waiting
        waiting = []
        try {
          await writeGroup(group)
        } catch (cause) {
          const refused = [...group, ...waiting]
          waiting = []
          admitted.clear()
          if (!isSealwatchError(cause, 'DISK_FULL')) failure = cause
          for (const { reject } of refused) reject(cause)
        }
      }
      admitted.clear()
      writing = undefined
    }

    async function writeGroup(group: readonly Waiting[]): Promise<void> {
      let ownPosition = walk.position(own)
      const chunks: Uint8Array[] = []
      const parsed: ParsedLine[] = []
      const sideRows: string[] = []
      const placed: Placed[] = []
      for (const { item, side: values } of group) {
        const first = size + parsed.length
        if ('own' in item) {
          const { text, hash, seq } = sealLine(own, ownPosition, clock.nowNs(), item.own)
          ownPosition = { nextSeq: seq + 1, tip: hash }
          parsed.push(parseLine(sha256, Buffer.from(text), 'writing a line of the ledger itself'))
        } else {
          for (const line of item.lines) {
            const sealed = values?.get(line.line.seq)
            if (sealed !== undefined)
              sideRows.push(`${size + parsed.length} ${Buffer.from(sealed).toString('base64')}\n`)
            parsed.push(line)
          }
        }
        placed.push({ first, next: size + parsed.length })
      }
      let start = store.bytes
      const starts: number[] = []
      for (const { bytes } of parsed) {
        starts.push(start)
        chunks.push(bytes, newline)
        start += bytes.length + 1
      }
      // Personal values first: if we stop before their lines are written, cutSide takes them back.
      const sideBefore = sideStore.size
      if (sideRows.length > 0) await sideStore.append([Buffer.from(sideRows.join(''))])
      await store.append(Buffer.concat(chunks)).catch(async (cause: unknown) => {
        if (isSealwatchError(cause, 'DISK_FULL') && sideRows.length > 0) await sideStore.truncate(sideBefore)
        throw cause
      })
      // The lines are durable, their hashes are derived: if we stop here, recover() computes them again.
      for (const [i, line] of parsed.entries()) {
        walk.step(line, 'following the chains of the ledger')
        bundles.note(size + i, starts[i] as number)
      }
      hashes.append(parsed.map(({ hash }) => hash))
      bundles.flush()
      size += parsed.length
      for (const [i, { resolve }] of group.entries()) resolve(placed[i] as Placed)
      bell.ring()
    }

    /** Compare, swap, then sign: what is signed is durable and extends what was signed before. */
    async function sign(): Promise<SignedCheckpoint> {
      if (signedNow?.size === size) return signedNow
      const checkpoint = { origin, size, root: hashes.root() }
      const next: Saved = {
        size,
        bytes: store.bytes,
        sideBytes: sideStore.size,
        root: checkpoint.root.toHex(),
        own,
        chains: [...walk.entries()].map(([chain, { nextSeq, tip }]) => [chain, nextSeq, tip]),
      }
      const onDisk = await readSaved(dir)
      if (saved !== undefined && (onDisk?.size !== saved.size || onDisk.root !== saved.root)) {
        throw ledgerError('LEDGER_FORKED', {
          attempted: `signing size ${size} of ${origin}`,
          received: `a saved size of ${onDisk?.size}`,
        })
      }
      hashes.sync()
      await disk.replace(join(dir, 'saved.json'), JSON.stringify(next))
      saved = { size: next.size, root: next.root }
      const note = signer.sign(formatCheckpoint(checkpoint))
      await disk.replace(join(dir, 'checkpoint'), note, 0o644)
      signedNow = { ...checkpoint, note }
      return signedNow
    }

    let signing: Promise<unknown> = Promise.resolve()

    return {
      tenant,
      origin,
      chain: own,
      get size() {
        return size
      },
      get signed() {
        return signedNow
      },
      position,
      append: (item, sealedSide) =>
        new Promise((resolve, reject) => {
          if (failure !== undefined) return reject(failure)
          if (!('own' in item)) admitted.set(item.chain, item.end)
          else if ('stub' in item.own) admitted.set(item.own.stub.chain, { nextSeq: item.own.stub.next_seq, tip: null })
          waiting.push({ item, side: sealedSide, resolve, reject })
          writing ??= write()
        }),
      settled: async () => {
        while (writing !== undefined) await writing
      },
      read: async (from, max) => readLeaves(store, bundles, from, Math.min(size, from + max)),
      readSide: (from, leaf) => readSideRows(join(dir, 'side'), from, leaf),
      waitFor: async (index, signal) => {
        while (!signal.aborted && size <= index) await bell.wait(signal)
      },
      checkpoint: () => {
        const result = signing.then(sign)
        signing = result.catch(() => undefined)
        return result
      },
      inclusion: (index, ofSize) => inclusionProof(hashes, index, ofSize),
      consistency: (oldSize, newSize) => consistencyProof(hashes, oldSize, newSize),
      subtree: (level, index) => hashes.subtree(level, index),
      leafHashes: (from, to) => hashes.leaves(from, to),
      close: async () => {
        while (writing !== undefined) await writing
        await signing
        await store.close()
        await sideStore.close()
        hashes.close()
        bundles.close()
      },
    }
  }
}

const newline = Uint8Array.of(0x0a)

async function readLeaves(store: LineStore, bundles: BundleIndex, from: number, to: number): Promise<Leaf[]> {
  if (from >= to) return []
  const leaves: Leaf[] = []
  let index = Math.floor(from / tileWidth) * tileWidth
  let byte = bundles.startOf(index / tileWidth)
  while (index < to) {
    const lines = await store.read(byte, to - index)
    if (lines.length === 0)
      throw ledgerError('LEDGER_BEHIND', { attempted: `reading leaf ${index}`, received: `nothing at byte ${byte}` })
    for (const { line, end } of lines) {
      if (index >= from) leaves.push({ index, line })
      index += 1
      byte = end
    }
    if (leaves.length > 0) break
  }
  return leaves
}

async function readSaved(dir: string): Promise<Saved | undefined> {
  const text = await readFile(join(dir, 'saved.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Saved)
}

async function readCheckpoint({ dir, signer, origin }: LedgerOptions): Promise<SignedCheckpoint | undefined> {
  const note = await readFile(join(dir, 'checkpoint'), 'utf8').catch(() => undefined)
  if (note === undefined) return undefined
  const attempted = `opening the ledger ${origin}`
  const { text } = openNote(note, [signer.verifier], verifyEd25519, attempted)
  return { ...parseCheckpoint(text, attempted), note }
}

/**
 * Finds what is durable: starts from what was last saved, reads on through whole batches, and takes back the rest, which
 * was never acknowledged. Derived files that are short or wrong are computed again from the first line.
 */
async function recover(options: LedgerOptions, lines: LineStore, signed: SignedCheckpoint | undefined): Promise<State> {
  const { dir, origin } = options
  const saved = await readSaved(dir)
  const attempted = `opening the ledger ${origin}`
  const behind = (received: string) => ledgerError('LEDGER_BEHIND', { attempted, received })
  const quick = saved === undefined || saved.bytes > lines.bytes ? undefined : openDerived(dir, saved)
  const state = quick ?? (openDerived(dir) as State)
  const whole = await readOn(lines, state, quick === undefined ? 0 : (saved as Saved).bytes, attempted)
  for (const due of [signed, saved && { size: saved.size, root: Uint8Array.fromHex(saved.root) }]) {
    if (due === undefined) continue
    if (state.hashes.size < due.size) throw behind(`${state.hashes.size} lines where ${due.size} were signed`)
    if (state.hashes.rootOf(0, due.size).toHex() !== due.root.toHex())
      throw behind(`lines that differ from the ${due.size} that were signed`)
  }
  if (whole === lines.bytes) return state
  // What follows the last whole batch was never acknowledged. It may have moved a chain already: read once more without.
  state.hashes.close()
  state.bundles.close()
  await lines.truncate(whole)
  return recover(options, lines, signed)
}

function openDerived(dir: string, saved?: Saved): State | undefined {
  const size = saved?.size ?? 0
  const bundles = openBundleIndex(dir, size)
  const hashes = openHashStore(dir, size)
  if (hashes !== undefined && bundles !== undefined && (saved === undefined || hashes.root().toHex() === saved.root)) {
    const chains = (saved?.chains ?? []).map(([chain, nextSeq, tip]): [string, ChainPosition] => [
      chain,
      { nextSeq, tip },
    ])
    return { hashes, bundles, walk: createChainWalk(saved?.own, chains), sideBytes: saved?.sideBytes ?? 0 }
  }
  hashes?.close()
  bundles?.close()
  return undefined
}

const linesReadMax = 4096

/** Reads whole batches from byte `from` on into the derived files; returns the byte after the last of them. */
async function readOn(
  lines: LineStore,
  { hashes, bundles, walk }: State,
  from: number,
  attempted: string,
): Promise<number> {
  let whole = from
  let byte = from
  let batch: { parsed: ParsedLine; start: number }[] = []
  try {
    for (
      let read = await lines.read(byte, linesReadMax);
      read.length > 0;
      read = await lines.read(byte, linesReadMax)
    ) {
      for (const { line, end } of read) {
        const parsed = parseLine(sha256, line, attempted)
        batch.push({ parsed, start: byte })
        byte = end
        if (parsed.line.chain !== (walk.own ?? parsed.line.chain) && !('head' in parsed.line)) continue
        for (const entry of batch) walk.step(entry.parsed, attempted)
        for (const [i, { start }] of batch.entries()) bundles.note(hashes.size + i, start)
        hashes.append(batch.map((entry) => entry.parsed.hash))
        batch = []
        whole = byte
      }
    }
  } catch (cause) {
    // A torn write; recover() decides whether it may be taken back.
    if (!isSealwatchError(cause)) throw cause
  }
  bundles.flush()
  return whole
}

const sideReadBytesMax = 4 * 1024 * 1024

async function readSideRows(path: string, from: number, leaf: number) {
  const chunk = await readChunk(path, from, sideReadBytesMax)
  const rows: { index: number; sealed: Uint8Array }[] = []
  let next = 0
  for (let end = chunk.indexOf(0x0a, next); end >= 0; end = chunk.indexOf(0x0a, next)) {
    const [index, sealed] = Buffer.from(chunk.subarray(next, end)).toString('latin1').split(' ')
    if (Number(index) >= leaf || sealed === undefined) break
    rows.push({ index: Number(index), sealed: Buffer.from(sealed, 'base64') })
    next = end + 1
  }
  return { rows, next: from + next }
}

async function cutSide(side: AppendFile, { sideBytes, hashes }: State): Promise<void> {
  let from = sideBytes
  for (;;) {
    const { next } = await readSideRows(side.path, from, hashes.size)
    if (next === from) break
    from = next
  }
  if (from < side.size) await side.truncate(from)
}

// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, diskErrors, errorsOf, isSealwatchError, messageOf } from '@sealwatch/base'
import { sha256 } from '../sha256.ts'
import { isTorn } from '../torn.ts'
import { type ChainPosition, type ChainWalk, createChainWalk } from '../verify/chain.ts'
import type { Checkpoint } from '../verify/checkpoint.ts'
import type { Epoch } from '../verify/epoch.ts'
import { announcedBy } from '../verify/fill.ts'
import { type ParsedLine, parseLine } from '../verify/line.ts'
import { type BundleIndex, openBundleIndex } from './bundle-index.ts'
import { ledgerErrors } from './errors.ts'
import { type HashStore, openHashStore } from './hash-store.ts'
import type { LineStore } from './line-store.ts'

const ledgerError = errorsOf(ledgerErrors)

/** What was true when the hashes were last made durable; opening starts from here. */
export type Saved = {
  readonly size: number
  readonly bytes: number
  readonly sideBytes: number
  readonly root: string
  readonly own: string
  /** Absent from what was written before registries had versions. */
  readonly registry?: number
  /** Absent from what was written before they were counted. */
  readonly keyLines?: number
  readonly chains: readonly (readonly [chain: string, nextSeq: number, tip: string | null, epoch?: Epoch | undefined])[]
}

/** Everything that is derived from the lines. */
export type State = {
  readonly hashes: HashStore
  readonly bundles: BundleIndex
  readonly walk: ChainWalk
  readonly saved: Saved | undefined
  /** The last leaf that tells of keys. */
  registry: number
  /** How many leaves do. */
  keyLines: number
  /** Of the side file: what is known to belong to leaves. */
  readonly sideBytes: number
  close(): void
}

/** Whether the line changes the registry of keys. */
export const tellsOfKeys = ({ kind }: ParsedLine): boolean => kind === 'key' || kind === 'registry'

export async function readSaved(dir: string, disk: Disk): Promise<Saved | undefined> {
  const stored = await disk.read(join(dir, 'saved.json'))
  if (stored === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(stored).toString('utf8')) as Saved
  } catch {
    // Without it everything is derived from the first line on.
    return undefined
  }
}

/**
 * Finds what is durable: starts from what was last saved, reads on through whole batches, and takes back the rest, which
 * was never acknowledged. Derived files that are short or wrong are computed again from the first line. Throws
 * LEDGER_BEHIND when less is there, or something else, than was signed or acknowledged.
 */
export async function recover(
  dir: string,
  origin: string,
  lines: LineStore,
  signed: Checkpoint | undefined,
  saved: Saved | undefined,
  disk: Disk,
): Promise<State> {
  const attempted = `opening the ledger ${origin}`
  const behind = (received: string) => ledgerError('LEDGER_BEHIND', { attempted, received })
  const fits = saved?.registry !== undefined && saved.keyLines !== undefined && saved.bytes <= lines.bytes
  const quick = fits ? openDerived(dir, disk, saved) : undefined
  const state = quick ?? (openDerived(dir, disk, undefined, saved) as State)
  let whole: number
  try {
    whole = await readOn(lines, state, quick === undefined ? 0 : (saved as Saved).bytes, attempted)
    for (const due of [signed, saved && { size: saved.size, root: Uint8Array.fromHex(saved.root) }]) {
      if (due === undefined) continue
      if (state.hashes.size < due.size) throw behind(`${state.hashes.size} lines where ${due.size} were signed`)
      if (state.hashes.rootOf(0, due.size).toHex() !== due.root.toHex())
        throw behind(`lines that differ from the ${due.size} that were signed`)
    }
  } catch (cause) {
    state.close()
    throw cause
  }
  if (whole === lines.bytes) return state
  // What follows the last whole batch was never acknowledged. It may have moved a chain already: read once more without.
  state.close()
  await lines.truncate(whole)
  return recover(dir, origin, lines, signed, saved, disk)
}

/** The derived files as of `saved`, or, without it, empty; undefined when they are not what was saved. */
function openDerived(dir: string, disk: Disk, from: Saved | undefined, saved = from): State | undefined {
  const size = from?.size ?? 0
  const bundles = openBundleIndex(dir, size, disk)
  const hashes = openHashStore(dir, size, disk)
  const close = () => {
    hashes?.close()
    bundles?.close()
  }
  if (hashes === undefined || bundles === undefined || (from !== undefined && hashes.root().toHex() !== from.root)) {
    close()
    return undefined
  }
  const chains = from?.chains.map(([chain, nextSeq, tip, epoch]): [string, ChainPosition] => [
    chain,
    { nextSeq, tip, ...(epoch && { epoch }) },
  ])
  return {
    hashes,
    bundles,
    walk: createChainWalk(from?.own, chains),
    saved,
    registry: from?.registry ?? 0,
    keyLines: from?.keyLines ?? 0,
    sideBytes: from?.sideBytes ?? 0,
    close,
  }
}

const linesReadMax = 4096
const announces: ReadonlySet<string> = new Set(['replay', 'submission_replay'])

/**
 * Reads whole batches from byte `from` on into the derived files; returns the byte after the last of them. A write that
 * a crash cut short ends in a torn line or lacks its head, or the `submission` behind its rows; a whole line that is wrong was altered: LEDGER_BEHIND.
 */
async function readOn(lines: LineStore, state: State, from: number, attempted: string): Promise<number> {
  const { hashes, bundles, walk } = state
  let whole = from
  let byte = from
  let batch: { parsed: ParsedLine; start: number }[] = []
  let due = 0
  const take = (line: Uint8Array) => {
    const parsed = parseLine(sha256, line, attempted)
    batch.push({ parsed, start: byte })
    byte += parsed.length + 1
    // What a replay announces is there whole, or not at all.
    if (due > 0) due -= 1
    else if (announces.has(parsed.kind)) due = announcedBy(parsed.line)
    else if (parsed.chain !== (walk.own ?? parsed.chain) ? parsed.kind !== 'head' : parsed.kind === 'row') return
    if (due > 0) return
    for (const entry of batch) walk.step(entry.parsed, attempted)
    for (const [i, { start }] of batch.entries()) bundles.note(hashes.size + i, start)
    if (tellsOfKeys(parsed)) {
      state.registry = hashes.size + batch.length - 1
      state.keyLines += 1
    }
    hashes.append(Buffer.concat(batch.map((entry) => entry.parsed.hash)))
    batch = []
    whole = byte
  }
  reading: for (;;) {
    const read = await lines.read(byte, linesReadMax)
    if (read.length === 0) break
    for (const { line } of read) {
      if (isTorn(line, 0, line.length)) break reading
      try {
        take(line)
      } catch (cause) {
        // A disk that fails or is full says nothing about the lines.
        if (isSealwatchError(cause) && cause.code in diskErrors) throw cause
        const received = `leaf ${hashes.size + batch.length}: ${messageOf(cause)}`
        throw ledgerError('LEDGER_BEHIND', { attempted, received, cause })
      }
    }
  }
  bundles.flush()
  return whole
}

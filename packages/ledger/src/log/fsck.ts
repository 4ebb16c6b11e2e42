// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import type { Disk } from '@sealwatch/base'
import { sha256 } from '../sha256.ts'
import { isTorn } from '../torn.ts'
import { createFrontier, type Hash, hashBytes, leafHashesIn } from '../verify/merkle.ts'
import type { NoteVerifier } from '../verify/note.ts'
import type { BlockReader } from '../verify/read-block.ts'
import { auditLedgers, type LedgerAudit, noLines } from './audit.ts'
import { openBundleIndex } from './bundle-index.ts'
import { checkDerived, type DerivedCheck } from './derived.ts'
import { openHashStore } from './hash-store.ts'
import { linesIn, readLineBlocks } from './read-lines.ts'
import { readSaved, type Saved } from './recover.ts'

/** What is wrong with one store. Derived ones are computed again from the lines; of the others a copy is needed. */
export type FsckFinding = {
  readonly store: 'lines' | 'saved.json' | 'side' | 'hashes' | 'bundles'
  readonly derived: boolean
  /** The first that is wrong, where it can be told. */
  readonly leaf: number | undefined
  readonly text: string
}

export type LedgerFsck = Omit<LedgerAudit, 'ok' | 'problem'> & {
  readonly findings: readonly FsckFinding[]
  /** The derived files were written again. */
  readonly repaired: boolean
}

export type FsckOptions = {
  readonly disk: Disk
  /** Log keys that count; empty: the ledgers vouch for themselves. */
  readonly trust: readonly NoteVerifier[]
  /** Writes derived files again, and nothing else. */
  readonly repair: boolean
  readonly onBytes?: (bytes: number) => void
  /** Reads blocks ahead on other threads. */
  readonly blockReader?: BlockReader
  /** Told of each leaf, in order: other stores are held against it. */
  readonly onLeaf?: (ledger: string, leaf: number, line: Uint8Array) => void
}

/**
 * Proves that the stores of each ledger in `dir` hang together: lines, chains, signatures and tenants' heads (audit.ts),
 * and then saved.json, side rows, hashes and bundles against the lines. Nobody may write meanwhile. Never throws for what
 * the files hold; throws DISK_… when they cannot be read.
 */
export async function fsckLedgers(dir: string, options: FsckOptions): Promise<LedgerFsck[]> {
  const audit = await auditLedgers(dir, options)
  const checked: LedgerFsck[] = []
  for (const ledger of audit.ledgers) checked.push(await fsckLedger(join(dir, ledger.name), ledger, options))
  const known = new Set(checked.map(({ name }) => name))
  for (const name of await options.disk.list(dir)) if (!known.has(name)) checked.push(withoutLines(name))
  return checked
}

/** A folder in which nothing is left of a ledger's lines. */
function withoutLines(name: string): LedgerFsck {
  const finding: FsckFinding = { store: 'lines', derived: false, leaf: undefined, text: 'the folder of lines is gone' }
  return { name, tenant: undefined, origin: undefined, ...noLines, findings: [finding], repaired: false }
}

async function fsckLedger(dir: string, audit: LedgerAudit, options: FsckOptions): Promise<LedgerFsck> {
  const { disk, repair } = options
  const saved = await readSaved(dir, disk)
  const walked = await walk(dir, audit.name, saved, options).catch((cause: unknown) => {
    // A segment is missing: the audit has said so.
    if (audit.problem !== undefined) return undefined
    throw cause
  })
  const findings: FsckFinding[] = []
  const { ok, problem, ...rest } = audit
  if (problem !== undefined) {
    findings.push({ store: 'lines', derived: false, leaf: problem.leaf, text: `${problem.code}: ${problem.message}` })
  }
  if (walked !== undefined) {
    if (problem === undefined) findings.push(...derivedFindings(walked.derived))
    findings.push(...savedFindings(saved, walked), ...(await sideFindings(dir, saved, walked.lines, disk)))
  }
  const mayRepair = repair && findings.some(({ derived }) => derived) && findings.every(({ derived }) => derived)
  if (mayRepair) await rebuild(dir, disk)
  return { ...rest, findings, repaired: mayRepair }
}

type Walked = {
  readonly lines: number
  readonly derived: DerivedCheck
  /** Of the tree of `saved.size`. */
  readonly savedRoot: Hash | undefined
  readonly savedBytes: number | undefined
}

/** Reads every line once and computes all that is derived from them. */
async function walk(
  dir: string,
  name: string,
  saved: Saved | undefined,
  { disk, onLeaf }: FsckOptions,
): Promise<Walked> {
  const derived = checkDerived(dir, disk, saved?.size)
  const frontier = createFrontier(sha256, derived.row)
  let bytes = 0
  let savedAt: { root: Hash; bytes: number } | undefined
  for await (const { lines, hashes } of readLeaves(dir, disk)) {
    const first = frontier.size
    const untilSaved = (saved?.size ?? 0) - first
    const cut = untilSaved > 0 && untilSaved <= lines.length ? untilSaved : 0
    for (const [i, line] of lines.entries()) {
      onLeaf?.(name, first + i, line)
      derived.leaf(first + i, bytes)
      bytes += line.length + 1
      if (i + 1 !== cut) continue
      frontier.append(hashes.subarray(0, cut * hashBytes))
      savedAt = { root: frontier.root(), bytes }
    }
    frontier.append(hashes.subarray(cut * hashBytes))
    await derived.settle()
  }
  await derived.settle()
  return { lines: frontier.size, derived, savedRoot: savedAt?.root, savedBytes: savedAt?.bytes }
}

/** Block after block, its lines and their leaf hashes, up to a line that a crash cut short. */
async function* readLeaves(
  dir: string,
  disk: Disk,
): AsyncGenerator<{ readonly lines: readonly Uint8Array[]; readonly hashes: Uint8Array }> {
  for await (const block of readLineBlocks(join(dir, 'lines'), disk)) {
    const all = [...linesIn(block)]
    const torn = all.findIndex((line) => isTorn(line, 0, line.length))
    const lines = torn < 0 ? all : all.slice(0, torn)
    const places = new Uint32Array(2 * lines.length)
    for (const [i, { byteOffset, length }] of lines.entries()) {
      places[2 * i] = byteOffset - block.byteOffset
      places[2 * i + 1] = byteOffset - block.byteOffset + length
    }
    yield { lines, hashes: leafHashesIn(sha256, block, places, lines.length) }
    if (torn >= 0) return
  }
}

function derivedFindings({ wrong, suspect }: DerivedCheck): FsckFinding[] {
  if (wrong === undefined) return []
  const store = wrong === 'bundles' ? 'bundles' : 'hashes'
  const leaf = wrong === 'hashes-0' ? suspect : undefined
  return [{ store, derived: true, leaf, text: `${wrong} does not say what the lines lead to, or ends early` }]
}

function savedFindings(saved: Saved | undefined, { lines, savedRoot, savedBytes }: Walked): FsckFinding[] {
  if (saved === undefined) return []
  const finding = (text: string): FsckFinding => ({ store: 'saved.json', derived: false, leaf: undefined, text })
  if (savedRoot === undefined) return [finding(`${lines} lines where ${saved.size} were durable`)]
  if (savedRoot.toHex() !== saved.root)
    return [finding(`the first ${saved.size} lines are not those that were durable`)]
  if (savedBytes !== saved.bytes)
    return [finding(`${saved.size} lines end at byte ${savedBytes} and not ${saved.bytes}`)]
  return []
}

/** Rows lie in the order of their leaves, one for a leaf at most; what follows the last whole one was never promised. */
async function sideFindings(dir: string, saved: Saved | undefined, lines: number, disk: Disk): Promise<FsckFinding[]> {
  const side = (await disk.read(join(dir, 'side'))) ?? new Uint8Array(0)
  const finding = (text: string, leaf?: number): FsckFinding[] => [{ store: 'side', derived: false, leaf, text }]
  const due = saved?.sideBytes ?? 0
  if (side.length < due) return finding(`${side.length} bytes where ${due} were durable`)
  let last = -1
  for (let at = 0, end = side.indexOf(0x0a); at < due; at = end + 1, end = side.indexOf(0x0a, at)) {
    const row = Buffer.from(side.subarray(at, end < 0 ? side.length : end)).toString('latin1')
    const [, number] = /^(\d{1,16}) [A-Za-z0-9+/]+={0,2}$/.exec(row) ?? []
    const leaf = Number(number)
    if (end < 0 || number === undefined || leaf <= last || leaf >= lines)
      return finding(
        `a row at byte ${at} that does not follow the one before it`,
        number === undefined ? undefined : leaf,
      )
    last = leaf
  }
  return []
}

/** Writes hashes and bundles again, from the first line on. */
async function rebuild(dir: string, disk: Disk): Promise<void> {
  disk.removeDerived(join(dir, 'bundles'))
  const hashes = openHashStore(dir, 0, disk)
  const bundles = openBundleIndex(dir, 0, disk)
  if (hashes === undefined || bundles === undefined)
    throw new RangeError(`empty derived files of ${dir} cannot be short`)
  try {
    let byte = 0
    for await (const { lines, hashes: leaves } of readLeaves(dir, disk)) {
      for (const [i, line] of lines.entries()) {
        bundles.note(hashes.size + i, byte)
        byte += line.length + 1
      }
      hashes.append(leaves)
      bundles.flush()
    }
    await Promise.all([hashes.sync(), bundles.sync()])
  } finally {
    hashes.close()
    bundles.close()
  }
}

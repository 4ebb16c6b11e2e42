// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { type Disk, errorsOf, type Json, SealwatchError } from '@sealwatch/base'
import { verifyEd25519, verifyRsa } from '@sealwatch/keys'
import { sha256 } from '../sha256.ts'
import { isTorn } from '../torn.ts'
import { teach, verifierBehind } from '../verify/block-heads.ts'
import { newline } from '../verify/bundle-records.ts'
import { type Checkpoint, parseCheckpoint } from '../verify/checkpoint.ts'
import { logKeyVerifier, openDelegation } from '../verify/delegation.ts'
import { createLeafJudge } from '../verify/leaf-judge.ts'
import { type ParsedLine, parseLine, type TenantHead } from '../verify/line.ts'
import { createFrontier, equal, type Hash, hashBytes } from '../verify/merkle.ts'
import { type NoteVerifier, noteVerifier, openNote } from '../verify/note.ts'
import { type BlockReader, createBlockReader, cursorOf, type Run, readAhead } from '../verify/read-block.ts'
import { extendTenantHead } from '../verify/tenant-head.ts'
import { checkDerived } from './derived.ts'
import { clusterFolder, erasedIn } from './erased.ts'
import { ledgerErrors } from './errors.ts'
import { readLineBlocks } from './read-lines.ts'

const ledgerError = errorsOf(ledgerErrors)

export type LedgerAudit = {
  /** Folder of the ledger. */
  readonly name: string
  readonly ok: boolean
  readonly problem: { readonly leaf: number | undefined; readonly code: string; readonly message: string } | undefined
  readonly tenant: string | undefined
  readonly origin: string | undefined
  /** Whole lines on the disk. */
  readonly lines: number
  /** Of them, those under the checkpoint. */
  readonly signed: number
  /** Their root, in hex; undefined while none is signed. */
  readonly root: string | undefined
  readonly signedByHost: number
  /** Rows in submissions whose signature was checked. */
  readonly signedByService: number
  readonly stubs: number
  /** Lines that came out of turn, into the place of a stub, and of these those without a valid signature. */
  readonly replayed: number
  readonly unverified: number
  /** A file derived from the lines that does not say what they lead to; undefined: none. */
  readonly wrongDerived: string | undefined
}

/** Of a ledger that is being founded: its anchor, the delegation, the first heads. */
const unsignedMax = 4

export type AuditReport = {
  readonly kind: 'ledgers'
  readonly ok: boolean
  readonly ledgers: readonly LedgerAudit[]
  /** Tenants whose ledgers were destroyed by order, and what the root ledger still vouches for of each. */
  readonly erased: readonly { readonly tenant: string; readonly origin: string; readonly lines: number }[]
  readonly trust: 'pinned' | 'self-asserted'
}

export type AuditChecks = {
  readonly disk: Disk
  /** Log keys that count; empty: whatever the root ledger says of its keys is taken for true, and the report says so. */
  readonly trust: readonly NoteVerifier[]
  /** Checkpoints saved earlier, by origin: the ledgers must still hold all that they say. */
  readonly since?: readonly Checkpoint[]
  readonly onBytes?: (bytes: number) => void
  /** Reads blocks ahead on other threads. */
  readonly blockReader?: BlockReader
}

/** What the root ledger says: which keys may sign, and how far each tenant had grown. */
type RootWord = {
  readonly keys: Set<string>
  readonly heads: Map<string, TenantHead>
  /** What the cluster's ledger says was destroyed: the tenants of ledgers, by origin. */
  readonly erased: Map<string, string>
}

/**
 * Verifies every ledger of a server from its files alone, the root ledger first: every line, every chain, every head of a
 * host; that each tenant only grew; and that what is signed is there. Reads only, also while a server writes on. Never
 * throws for what the files hold: the first thing that is wrong with each ledger stands in the report.
 */
export async function auditLedgers(dir: string, checks: AuditChecks): Promise<AuditReport> {
  const { disk, trust } = checks
  const folders: string[] = []
  for (const name of (await disk.list(dir)).sort()) {
    const isLedger = await disk.list(join(dir, name, 'lines')).then(
      () => true,
      () => false,
    )
    if (name !== 'root' && isLedger) folders.push(name)
  }
  const word: RootWord = { keys: new Set(), heads: new Map(), erased: new Map() }
  const ledgers = [await auditLedger(join(dir, 'root'), 'root', checks, word)]
  for (const name of folders) ledgers.push(await auditLedger(join(dir, name), name, checks, word))
  const seen = new Set(ledgers.map(({ origin }) => origin))
  const isMissing = (origin: string) => !seen.has(origin) && !word.erased.has(origin)
  for (const { label, origin, size } of word.heads.values())
    if (isMissing(origin)) ledgers.push(missing(label, origin, `the root ledger vouches for ${size} lines`))
  for (const { origin, size } of checks.since ?? [])
    if (isMissing(origin)) ledgers.push(missing(origin, origin, `a saved checkpoint vouches for ${size} lines`))
  const ok = ledgers.every((ledger) => ledger.ok)
  const heads = [...word.heads.values()].filter(({ origin }) => !seen.has(origin) && word.erased.has(origin))
  const erased = heads.map(({ origin, size }) => ({ tenant: word.erased.get(origin) as string, origin, lines: size }))
  return { kind: 'ledgers', ok, ledgers, erased, trust: trust.length > 0 ? 'pinned' : 'self-asserted' }
}

/** A ledger that must be there and is not. */
function missing(name: string, origin: string, why: string): LedgerAudit {
  const attempted = `looking for the ledger ${origin}`
  const { code, message } = ledgerError('LEDGER_BEHIND', { attempted, received: `no such ledger, where ${why}` })
  return { name, ok: false, problem: { leaf: undefined, code, message }, tenant: undefined, origin, ...noLines }
}

/** Of a ledger in which nothing could be counted. */
export const noLines = {
  lines: 0,
  signed: 0,
  root: undefined,
  signedByHost: 0,
  signedByService: 0,
  stubs: 0,
  replayed: 0,
  unverified: 0,
  wrongDerived: undefined,
} as const

async function auditLedger(dir: string, name: string, checks: AuditChecks, word: RootWord): Promise<LedgerAudit> {
  const { disk, trust, since = [], blockReader = createBlockReader(sha256) } = checks
  const behind = verifierBehind(verifyEd25519)
  const attempted = `verifying the ledger in ${dir}`
  const derived = checkDerived(dir, disk)
  const frontier = createFrontier(sha256, derived.row)
  let judge: ReturnType<typeof createLeafJudge> | undefined
  let place: { tenant: string; origin: string; own: string } | undefined
  const erased = new Map<string, string>()
  let leaf: number | undefined
  let signed: Checkpoint | undefined
  let at = 0
  /** The size and root that must be met on the way, the smallest first. */
  let due: { size: number; root: Hash; what: string }[] = []

  function begin(first: ParsedLine): void {
    const { line } = first
    if (!('anchor' in line) || line.anchor.origin === null)
      throw ledgerError('LEDGER_BEHIND', { attempted, received: "a first line that is not the ledger's anchor" })
    const { tenant, origin } = line.anchor
    place = { tenant, origin, own: first.chain }
    judge = createLeafJudge({ sha256, verify: behind.verify, verifyRsa, tenant, origin })
    const head = [...word.heads.values()].find((candidate) => candidate.origin === origin)
    const saved = since.filter((checkpoint) => checkpoint.origin === origin)
    due = [
      ...due,
      ...(head === undefined ? [] : [{ size: head.size, root: Uint8Array.fromHex(head.root), what: 'root ledger' }]),
      ...saved.map(({ size, root }) => ({ size, root, what: 'saved checkpoint' })),
    ]
  }

  function takeRootLine({ line }: ParsedLine, origin: string): void {
    if ('tenant_head' in line) {
      const { label } = line.tenant_head
      word.heads.set(label, extendTenantHead(sha256, word.heads.get(label), line.tenant_head))
    }
    if (!('delegation' in line)) return
    const log = trust.filter((key) => key.name === origin)
    const judges = log.map((key) => logKeyVerifier(sha256, verifyEd25519, key))
    const envelope = line.delegation as unknown as Json
    // Without a pinned key the ledger's own word has to do: the signature's key is nobody we know.
    const trusted =
      trust.length > 0 ? judges : line.delegation.signatures.map(({ keyid }) => ({ keyid, verify: () => true }))
    const { publicKey, origin: of } = openDelegation(envelope, trusted, attempted)
    if (of === origin) word.keys.add(publicKey.toHex())
  }

  function takeLine(bytes: Uint8Array): void {
    const parsed = parseLine(sha256, bytes, attempted)
    if (judge === undefined) begin(parsed)
    judge?.take(parsed, attempted)
    if (name === 'root' && parsed.kind !== 'event') takeRootLine(parsed, place?.origin ?? '')
    teach(blockReader, parsed)
    derived.leaf(frontier.size, at)
    frontier.append(parsed.hash)
  }

  /** The events of a run, up to the next size at which a root must be met; returns where they end. */
  function takeRun(run: Run): number {
    const { size } = frontier
    const next = Math.min(...due.map((saved) => (saved.size > size ? saved.size : Number.POSITIVE_INFINITY)))
    const count = Math.min(run.count, next - size)
    const first = run.event(0, undefined)
    const last = run.event(count - 1, first)
    judge?.takeRun(first, last, count, attempted)
    for (let i = 0; i < count; i += 1) derived.leaf(size + i, at + run.startOf(i) - run.startOf(0))
    frontier.append(run.hashes.subarray(0, count * hashBytes))
    return last.to
  }

  function meet(): void {
    for (const { size, root, what } of due) {
      if (frontier.size !== size) continue
      if (!equal(frontier.root(), root))
        throw ledgerError('LEDGER_BEHIND', {
          attempted,
          received: `another root at size ${size} than the ${what} says`,
        })
      // What is signed ends with whole batches.
      const uncovered = judge?.uncovered ?? 0
      if (uncovered > 0)
        throw ledgerError('LEDGER_BEHIND', {
          attempted,
          received: `${uncovered} lines of hosts that no signed head covers`,
        })
    }
  }

  const report = (error?: SealwatchError): LedgerAudit => ({
    name,
    ok: error === undefined,
    problem: error && { leaf, code: error.code, message: error.message },
    tenant: place?.tenant,
    origin: place?.origin,
    lines: frontier.size,
    signed: signed?.size ?? 0,
    root: signed?.root.toHex(),
    signedByHost: judge?.counts.signedByHost ?? 0,
    signedByService: judge?.counts.signedByService ?? 0,
    stubs: judge?.counts.stubs ?? 0,
    replayed: judge?.counts.replayed ?? 0,
    unverified: judge?.counts.unverified ?? 0,
    wrongDerived: error === undefined ? derived.wrong : undefined,
  })

  try {
    // Read before the lines: a server at work signs what lies there already.
    const stored = await disk.read(join(dir, 'checkpoint'))
    const note = stored === undefined ? undefined : Buffer.from(stored).toString('utf8')
    const checkpoint =
      note === undefined ? undefined : parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1), attempted)
    if (checkpoint !== undefined) due.push({ ...checkpoint, what: 'checkpoint' })
    let isCut = false
    for await (const read of readAhead(readLineBlocks(join(dir, 'lines'), disk, checks.onBytes), blockReader)) {
      const { block } = read
      const cursor = cursorOf(read)
      behind.begin(read)
      for (let from = 1; from < block.length && !isCut; ) {
        leaf = frontier.size
        const run = judge === undefined || judge.isFilling ? undefined : cursor.runAt(from)
        const to = run === undefined ? block.indexOf(newline, from) : takeRun(run)
        isCut = run === undefined && isTorn(block, from, to)
        if (isCut) break
        if (run === undefined) takeLine(block.subarray(from, to))
        at += to + 1 - from
        from = to + 1
        leaf = frontier.size - 1
        meet()
      }
      if (name === clusterFolder) for (const said of erasedIn(block, place?.own)) erased.set(...said)
      await derived.settle()
      if (isCut) break
    }
    await derived.settle()
    leaf = undefined
    if (frontier.size === 0) throw ledgerError('LEDGER_BEHIND', { attempted, received: 'no line' })
    for (const { size, what } of due)
      if (size > frontier.size)
        throw ledgerError('LEDGER_BEHIND', {
          attempted,
          received: `${frontier.size} lines, where the ${what} says ${size}`,
        })
    // The first signature follows the first lines at once; a ledger that has grown was signed.
    if (note === undefined && frontier.size > unsignedMax)
      throw ledgerError('LEDGER_BEHIND', { attempted, received: `${frontier.size} lines and no checkpoint` })
    if (note !== undefined && place !== undefined) {
      const { origin } = place
      const keys = [...word.keys].map((key) => noteVerifier(sha256, origin, Uint8Array.fromHex(key)))
      // Deployments of the first version signed with the log key itself.
      const own = trust.map(({ publicKey }) => noteVerifier(sha256, origin, publicKey))
      openNote(note, [...keys, ...own], verifyEd25519, attempted)
      signed = checkpoint
    }
    // Said by a ledger in which all else is right.
    for (const [gone, tenant] of erased) word.erased.set(gone, tenant)
    return report()
  } catch (error) {
    if (error instanceof SealwatchError && !error.code.startsWith('DISK_')) {
      // A line that was changed is noticed where the next does not follow it; its stored hash tells it apart.
      await derived.settle()
      leaf = derived.suspect ?? leaf
      return report(error)
    }
    throw error
  }
}

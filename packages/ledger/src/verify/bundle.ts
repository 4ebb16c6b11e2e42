// SPDX-License-Identifier: Apache-2.0

import { SealwatchError } from '@sealwatch/base/errors'
import { type JsonObject, startsWith } from '@sealwatch/base/json'
import { type Header, type HeaderChecks, readHeader } from './bundle-header.ts'
import {
  blocksOf,
  bundleError,
  checkLength,
  excerpt,
  hashesFrom,
  hasOnly,
  isHashes,
  newline,
  parseRecord,
} from './bundle-records.ts'
import { type Witnessed, witnessedBy } from './bundle-witnesses.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type EventLine, readEventLine } from './event-line.ts'
import { createLeafJudge, type LeafJudge } from './leaf-judge.ts'
import { type Line, type ParsedLine, parseLine } from './line.ts'
import { createFrontier, equal, type Hash, leafHashIn, subtreesOf } from './merkle.ts'
import { openSide } from './personal.ts'
import type { Policy } from './policy.ts'
import { type BlockReader, type EventsRead, eventsOf, readAhead } from './read-block.ts'
import { checkPasses, checkReaches } from './since.ts'

export type Problem = {
  /** Line of the file, from 1. */
  readonly fileLine: number
  readonly leaf: number | undefined
  readonly chain: string | undefined
  readonly seq: number | undefined
  readonly code: string
  readonly message: string
}

export type BundleReport = {
  readonly ok: boolean
  readonly problem: Problem | undefined
  readonly tenant: string | undefined
  readonly origin: string | undefined
  readonly size: number
  /** Leaves shown as lines. */
  readonly lines: number
  /** Leaves shown as hashes only. */
  readonly withheld: number
  /** Every leaf of the ledger up to the checkpoint is shown. */
  readonly complete: boolean
  /** Lines of hosts that a head in this bundle covers with a valid signature, and those that none does. */
  readonly signedByHost: number
  readonly notCovered: number
  readonly stubs: number
  readonly revealed: number
  readonly rootSize: number
  /** Names of the keys that vouch for the checkpoints. */
  readonly signers: readonly string[]
  /** When the node key that signed the checkpoints was allowed to; undefined in version 1. */
  readonly nodeKey: { readonly validFrom: string; readonly validUntil: string } | undefined
  /** When the deployment's signer saw the root checkpoint, by its word, and the ids of the keys that were checked. */
  readonly countersigned: { readonly time: string; readonly signers: readonly string[] } | undefined
  /** Who cosigned the root checkpoint, of those the caller knows; undefined: nobody was asked for. */
  readonly witnesses: Witnessed | undefined
  /** The size of the saved checkpoint that this ledger extends. */
  readonly since: number | undefined
  /** `pinned`: by a key the caller trusts. `self-asserted`: by keys that the bundle itself brought. */
  readonly trust: 'pinned' | 'self-asserted'
}

/** `trust`: verifier keys of log keys (version 1: of the ledgers); empty: those the bundle brings, and the report says so. */
export type BundleChecks = HeaderChecks & {
  /** Called with each line that was in its place, but before the whole bundle is known to be good. */
  readonly onLine?: (line: Line, leaf: number, parsed: ParsedLine) => void
  readonly onHeader?: (header: Header, record: Uint8Array) => void
  /** A checkpoint of this tenant from before, verified by the caller: the ledger must still hold all of it. */
  readonly since?: Checkpoint
  /** The root checkpoint must have the cosignatures that this policy asks for. */
  readonly witnesses?: Policy
  readonly onBytes?: (bytes: number) => void
  /** Reads blocks ahead on other threads. */
  readonly blockReader?: BlockReader
}

/** What one thread hands to another at a time: enough that the handing over does not count. */
const bytesAtOnce = 512 * 1024

/**
 * Verifies a bundle as it streams by, in memory that does not grow with it. Never throws for what the bundle holds:
 * the first thing that is wrong stands in the report.
 */
export async function verifyBundle(chunks: AsyncIterable<Uint8Array>, checks: BundleChecks): Promise<BundleReport> {
  const reader = createReader(checks)
  try {
    if (checks.blockReader === undefined) {
      for await (const block of blocksOf(chunks, checks.onBytes))
        for (let from = 1; from < block.length; ) from = reader.take(block, from)
    } else {
      for await (const read of readAhead(blocksOf(chunks, checks.onBytes, bytesAtOnce), checks.blockReader)) {
        const events = eventsOf(read)
        for (let from = 1; from < read.block.length; ) from = reader.take(read.block, from, events)
      }
    }
    return reader.finish()
  } catch (error) {
    if (!(error instanceof SealwatchError)) throw error
    return reader.report(error)
  }
}

function createReader(checks: BundleChecks) {
  const { sha256 } = checks
  const frontier = createFrontier(sha256)
  let header: Header | undefined
  // One hash after the other, and how much of them was taken.
  let due: Uint8Array = new Uint8Array(0)
  let dueTaken = 0
  let dueReveals = 0
  let last: ParsedLine | undefined
  let linesTaken = 0
  let extendsSince = checks.since?.size === 0
  let at: { leaf?: number; parsed?: ParsedLine } = {}
  let judge: LeafJudge | undefined
  let witnesses: Witnessed | undefined
  const counts = { lines: 0, withheld: 0, revealed: 0 }

  /** Takes the record at byte `from` of a block; returns where the next begins. */
  function take(block: Uint8Array, from: number, read?: EventsRead): number {
    const isLine = due.length > dueTaken
    const known = isLine ? read?.at(from, last) : undefined
    const event = known ?? (isLine && read === undefined ? readEventLine(block, from, last) : undefined)
    const to = event === undefined ? block.indexOf(newline, from) : event.to
    checkLength(to - from)
    const attempted = `verifying line ${linesTaken + 1} of the bundle`
    if (event !== undefined) takeLine(event, block, from, to, attempted, known?.hash)
    else if (header === undefined) takeHeader(block.subarray(from, to), attempted)
    else if (isLine) takeLine(undefined, block, from, to, attempted)
    else takeRecord(block.subarray(from, to), attempted)
    linesTaken += 1
    at = {}
    return to + 1
  }

  function takeHeader(bytes: Uint8Array, attempted: string): void {
    header = readHeader(checks, bytes, attempted)
    const { since } = checks
    if (since !== undefined) checkReaches(since, header.checkpoint, attempted)
    const { tenant, checkpoint } = header
    if (checks.witnesses !== undefined) takeWitnesses(checks.witnesses, header.rootNote, attempted)
    judge = createLeafJudge({ sha256, verify: checks.verify, tenant, origin: checkpoint.origin })
    checks.onHeader?.(header, bytes)
  }

  function takeWitnesses(policy: Policy, note: string, attempted: string): void {
    witnesses = witnessedBy(policy, note, checks.verify, attempted)
    if (witnesses.quorum === 'met') return
    throw bundleError('BUNDLE_UNWITNESSED', {
      attempted,
      received: `no cosignature by ${witnesses.missing.join(', ')}`,
    })
  }

  function grow(hash: Uint8Array, level: number, attempted: string): void {
    frontier.append(hash, level)
    if (frontier.size !== checks.since?.size) return
    checkPasses(checks.since, frontier.root(), attempted)
    extendsSince = true
  }

  function takeRecord(bytes: Uint8Array, attempted: string): void {
    const record = parseRecord(bytes, attempted)
    if (record.reveal !== undefined) {
      takeReveal(record.reveal, attempted)
      return
    }
    checkReveals(attempted)
    if (record.gap !== undefined) takeGap(record.gap, attempted)
    else if (record.leaves !== undefined) takeLeaves(record.leaves, attempted)
    else throw bundleError('BUNDLE_MALFORMED', { attempted, received: Object.keys(record).join(', ') })
  }

  function takeGap(gap: JsonObject, attempted: string): void {
    last = undefined
    const { from, to, hashes } = gap
    const isPlaced =
      frontier.size > 0 &&
      from === frontier.size &&
      Number.isSafeInteger(to) &&
      (to as number) > frontier.size &&
      (to as number) <= sizeDue()
    const parts = isPlaced ? [...subtreesOf(from as number, to as number)] : []
    if (!isPlaced || !isHashes(hashes) || hashes.length !== parts.length || !hasOnly(gap, ['from', 'hashes', 'to'])) {
      throw bundleError('BUNDLE_MALFORMED', {
        attempted,
        received: `a gap from ${from} to ${to} at leaf ${frontier.size}`,
      })
    }
    for (const [i, { level }] of parts.entries()) grow(Uint8Array.fromHex(hashes[i] as string), level, attempted)
    judge?.skip()
    counts.withheld += (to as number) - (from as number)
  }

  function takeLeaves(leaves: JsonObject, attempted: string): void {
    last = undefined
    const { from, hashes, revealed } = leaves
    const decoded = hashesFrom(hashes)
    const fits =
      from === frontier.size &&
      decoded !== undefined &&
      decoded.length > 0 &&
      frontier.size + decoded.length / hashBytes <= sizeDue() &&
      Number.isSafeInteger(revealed)
    if (!fits || !hasOnly(leaves, ['from', 'hashes', 'revealed'])) {
      throw bundleError('BUNDLE_MALFORMED', { attempted, received: `leaves from ${from} at leaf ${frontier.size}` })
    }
    due = decoded
    dueTaken = 0
    dueReveals = revealed as number
  }

  function takeLine(
    event: EventLine | undefined,
    block: Uint8Array,
    from: number,
    to: number,
    attempted: string,
    hash?: Hash,
  ): void {
    // Personal values follow the line they belong to, also between two lines of one record.
    if (event === undefined && last !== undefined && isReveal(block, from)) {
      takeReveal(parseRecord(block.subarray(from, to), attempted).reveal ?? {}, attempted)
      return
    }
    const leaf = frontier.size
    at = { leaf }
    const found = hash ?? leafHashIn(sha256, block, from, to)
    const isDue = standsAt(due, dueTaken, found)
    dueTaken += hashBytes
    counts.lines += 1
    if (!isDue) throw bundleError('BUNDLE_ALTERED', { attempted, received: excerpt(block.subarray(from, to)) })
    grow(found, 0, attempted)
    if (event !== undefined) event.hash = found
    const parsed = event ?? parseLine(sha256, block.subarray(from, to), attempted, found)
    at = { leaf, parsed }
    judge?.take(parsed, attempted)
    last = parsed
    checks.onLine?.(parsed.line, leaf, parsed)
  }

  function takeReveal(values: JsonObject, attempted: string): void {
    if (last === undefined)
      throw bundleError('BUNDLE_MALFORMED', { attempted, received: 'personal values that follow no line' })
    openSide(sha256, last.line, JSON.stringify(values), attempted)
    counts.revealed += 1
    dueReveals -= 1
    last = undefined
  }

  function checkReveals(attempted: string): void {
    if (dueReveals !== 0)
      throw bundleError('BUNDLE_ALTERED', { attempted, received: `${dueReveals} personal values too few` })
  }

  const sizeDue = () => header?.checkpoint.size ?? 0

  function finish(): BundleReport {
    const attempted = 'verifying the end of the bundle'
    if (header === undefined) throw bundleError('BUNDLE_MALFORMED', { attempted, received: 'an empty file' })
    at = { leaf: frontier.size }
    checkReveals(attempted)
    if (frontier.size !== header.checkpoint.size || due.length > dueTaken) {
      throw bundleError('BUNDLE_ALTERED', {
        attempted,
        received: `${frontier.size} of ${header.checkpoint.size} leaves: the tail is cut off`,
      })
    }
    if (!equal(frontier.root(), header.checkpoint.root)) {
      throw bundleError('BUNDLE_ALTERED', { attempted, received: 'hashes that do not lead to the signed root' })
    }
    const uncovered = judge?.uncovered ?? 0
    if (counts.withheld === 0 && uncovered > 0) {
      throw bundleError('BUNDLE_ALTERED', {
        attempted,
        received: `${uncovered} lines of hosts that no signed head covers`,
      })
    }
    if (checks.since !== undefined && !extendsSince) {
      const received = `hashes that pass over size ${checks.since.size}`
      const advice = 'Export the whole ledger, or at least from that size on'
      throw bundleError('CHECKPOINT_CONTRADICTED', { attempted, received, advice })
    }
    return report(undefined)
  }

  function report(error: SealwatchError | undefined): BundleReport {
    return {
      ok: error === undefined,
      problem: error && {
        fileLine: linesTaken + 1,
        leaf: at.leaf,
        chain: at.parsed?.chain,
        seq: at.parsed?.seq,
        code: error.code,
        message: error.message,
      },
      tenant: header?.tenant,
      origin: header?.checkpoint.origin,
      size: sizeDue(),
      ...counts,
      signedByHost: judge?.counts.signedByHost ?? 0,
      stubs: judge?.counts.stubs ?? 0,
      complete: error === undefined && counts.withheld === 0,
      notCovered: judge === undefined ? 0 : judge.counts.notCovered + judge.uncovered,
      rootSize: header?.root.size ?? 0,
      signers: header?.signers ?? [],
      nodeKey: header?.node && { validFrom: header.node.validFrom, validUntil: header.node.validUntil },
      countersigned: header?.countersigned,
      witnesses,
      since: checks.since === undefined ? undefined : checks.since.size,
      trust: checks.trust.length > 0 ? 'pinned' : 'self-asserted',
    }
  }

  return { take, finish, report }
}

const hashBytes = 32

function standsAt(bytes: Uint8Array, from: number, hash: Hash): boolean {
  for (let i = 0; i < hash.length; i += 1) if (bytes[from + i] !== hash[i]) return false
  return true
}

const revealMark = new TextEncoder().encode('{"reveal":')
const isReveal = (block: Uint8Array, from: number) => startsWith(block, from, revealMark)

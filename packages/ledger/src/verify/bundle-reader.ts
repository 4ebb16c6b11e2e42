// SPDX-License-Identifier: Apache-2.0

import type { SealwatchError } from '@sealwatch/base/errors'
import { type Json, type JsonObject, startsWith } from '@sealwatch/base/json'
import { teach, verifierBehind } from './block-heads.ts'
import type { BundleChecks, BundleReport } from './bundle.ts'
import { type Header, readHeader } from './bundle-header.ts'
import {
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
import { createLeafJudge, type LeafJudge } from './leaf-judge.ts'
import { type ParsedLine, parseLine } from './line.ts'
import { createFrontier, equal, hashBytes, leafHashIn, subtreesOf } from './merkle.ts'
import { openSide } from './personal.ts'
import type { Policy } from './policy.ts'
import { type BlockCursor, type BlockRead, cursorOf, type Run } from './read-block.ts'
import { checkPasses, checkReaches } from './since.ts'

/** Goes through the records of a bundle, and says what they prove or what is wrong with them. */
export function createReader(checks: BundleChecks) {
  const { sha256 } = checks
  const behind = verifierBehind(checks.verify)
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

  function take(read: BlockRead): void {
    const cursor = cursorOf(read)
    behind.begin(read)
    for (let from = 1; from < read.block.length; ) from = takeFrom(cursor, from)
  }

  /** Takes what stands at byte `from` of a block; returns where the next record begins. */
  function takeFrom(cursor: BlockCursor, from: number): number {
    const { block } = cursor
    const isLine = due.length > dueTaken
    const attempted = `verifying line ${linesTaken + 1} of the bundle`
    const run = isLine && judge?.isFilling !== true ? cursor.runAt(from) : undefined
    const count = run === undefined ? 0 : inPlace(run)
    if (run !== undefined && count > 0) return takeRun(run, count, attempted) + 1
    const leaves = isLine ? undefined : cursor.leavesAt(from)
    const to = leaves === undefined ? block.indexOf(newline, from) : leaves.to - 1
    checkLength(to - from)
    if (header === undefined) takeHeader(block.subarray(from, to), attempted)
    else if (isLine) takeLine(block, from, to, attempted)
    else if (leaves !== undefined) takeLeaves(leaves.from, leaves.hashes, leaves.revealed, attempted)
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
    judge = createLeafJudge({ ...checks, verify: behind.verify, tenant, origin: checkpoint.origin })
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
    if (record.leaves !== undefined) {
      const { from, hashes, revealed } = record.leaves
      const isFormed = hasOnly(record.leaves, ['from', 'hashes', 'revealed']) && Number.isSafeInteger(revealed)
      takeLeaves(from, isFormed ? hashesFrom(hashes) : undefined, revealed as number, attempted)
      return
    }
    checkReveals(attempted)
    if (record.gap !== undefined) takeGap(record.gap, attempted)
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
    judge?.skip((to as number) - (from as number))
    counts.withheld += (to as number) - (from as number)
  }

  /** `hashes`: undefined where the record is out of form. */
  function takeLeaves(
    from: Json | undefined,
    hashes: Uint8Array | undefined,
    revealed: number,
    attempted: string,
  ): void {
    checkReveals(attempted)
    last = undefined
    const count = (hashes?.length ?? 0) / hashBytes
    if (hashes === undefined || from !== frontier.size || count === 0 || frontier.size + count > sizeDue())
      throw bundleError('BUNDLE_MALFORMED', { attempted, received: `leaves from ${from} at leaf ${frontier.size}` })
    due = hashes
    dueTaken = 0
    dueReveals = revealed
  }

  /** How many of these are the lines that are due, and come before the saved checkpoint is met. */
  function inPlace({ count, hashes }: Run): number {
    const most = Math.min(count * hashBytes, due.length - dueTaken)
    let equal = 0
    while (equal < most && hashes[equal] === due[dueTaken + equal]) equal += 1
    const { size } = checks.since ?? { size: 0 }
    const unmet = size > frontier.size ? size - frontier.size - 1 : count
    return Math.min(unmet, Math.floor(equal / hashBytes))
  }

  /** The first that many lines of a run, of which each was found in its place; returns where they end. */
  function takeRun(run: Run, count: number, attempted: string): number {
    const leaf = frontier.size
    const first = run.event(0, last)
    const end = run.event(count - 1, first)
    counts.lines += 1
    at = { leaf, parsed: first }
    judge?.takeRun(first, end, count, attempted)
    at = {}
    counts.lines += count - 1
    linesTaken += count
    dueTaken += count * hashBytes
    frontier.append(run.hashes.subarray(0, count * hashBytes))
    last = end
    const { onLine } = checks
    for (let i = 0; onLine !== undefined && i < count; i += 1) {
      const parsed = run.event(i, first)
      onLine(parsed.line, leaf + i, parsed)
    }
    return end.to
  }

  function takeLine(block: Uint8Array, from: number, to: number, attempted: string): void {
    // Personal values follow the line they belong to, also between two lines of one record.
    if (last !== undefined && isReveal(block, from)) {
      takeReveal(parseRecord(block.subarray(from, to), attempted).reveal ?? {}, attempted)
      return
    }
    const leaf = frontier.size
    at = { leaf }
    const hash = leafHashIn(sha256, block, from, to)
    const isDue = equal(hash, due.subarray(dueTaken, dueTaken + hashBytes))
    dueTaken += hashBytes
    counts.lines += 1
    if (!isDue) throw bundleError('BUNDLE_ALTERED', { attempted, received: excerpt(block.subarray(from, to)) })
    grow(hash, 0, attempted)
    const parsed = parseLine(sha256, block.subarray(from, to), attempted, hash)
    at = { leaf, parsed }
    judge?.take(parsed, attempted)
    teach(checks.blockReader, parsed)
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
      signedByService: judge?.counts.signedByService ?? 0,
      stubs: judge?.counts.stubs ?? 0,
      replayed: judge?.counts.replayed ?? 0,
      unverified: judge?.counts.unverified ?? 0,
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

const revealMark = new TextEncoder().encode('{"reveal":')
const isReveal = (block: Uint8Array, from: number) => startsWith(block, from, revealMark)

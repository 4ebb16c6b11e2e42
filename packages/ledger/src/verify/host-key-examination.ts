// SPDX-License-Identifier: Apache-2.0
// Everything that one key of a host ever signed, verified again (docs/formats/key-report.md, 5).

import { isSealwatchError } from '@sealwatch/base/errors'
import { canonicalize } from '@sealwatch/base/json'
import { linkBatch, verifyBatch } from './batch.ts'
import {
  type ChainPosition,
  chainStart,
  extendChain,
  fillLinesMax,
  isOfHost,
  positionAfter,
  skipStub,
} from './chain.ts'
import type { Epoch } from './epoch.ts'
import { type Announced, createOpenStubs, filledBytes } from './fill.ts'
import { checkKeyRecord, headKeyId, type ReadHead, readHead, verifyHead } from './head.ts'
import {
  createRanges,
  type ExaminedKey,
  type FindingsOf,
  type KeyVerdict,
  keyVerdicts,
  type Ranges,
} from './key-findings.ts'
import { type KeyRecord, type Line, noHash, type ParsedLine } from './line.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'

/** Batches of one verdict. Where there would be too many ranges, lines of others lie between them, of all verdicts. */
export type HostKeyRange = {
  readonly verdict: KeyVerdict
  /** Leaves [first_leaf, next_leaf): lines with the head that ends them. */
  readonly first_leaf: number
  readonly next_leaf: number
  readonly heads: number
  readonly lines: number
  /** What the last line of the ledger's own chain before them says of time, and the first behind them; null: there is none yet. */
  readonly time_before: string
  readonly time_behind: string | null
}

/** `lines`: with their heads. */
export type HostKeyCount = { readonly heads: number; readonly lines: number }
export type HostKeyFindings = FindingsOf<HostKeyCount, HostKeyRange>

export type HostKeyExamination = {
  /** Every line of the ledger, in order. Throws CHAIN_BROKEN where the ledger's own lines contradict one another. */
  take(parsed: ParsedLine, leaf: number, attempted: string): void
  /** `size`: how many leaves there were. Nothing is taken any more. */
  findings(size: number): HostKeyFindings
}

/** `held`: its signature holds; the next line of the ledger's own chain tells whether it came in time. */
type Standing = 'held' | KeyVerdict
type Batch = Pick<HostKeyRange, 'first_leaf' | 'next_leaf' | 'lines'>
/** A chain, and what stands behind its last head. */
type Followed = { position: ChainPosition; first: number; lines: number; isBroken: boolean }

export function createHostKeyExamination(options: {
  readonly sha256: Sha256
  readonly verify: VerifyEd25519
  readonly key: ExaminedKey
}): HostKeyExamination {
  const { sha256, verify, key } = options
  const { compromised_since: since } = key
  const chains = new Map<string, Followed>()
  const stubs = createOpenStubs()
  let own: string | undefined
  let ownTime = ''
  // The last event, and its chain, whose position stands behind the line that began the run.
  let last: { readonly parsed: ParsedLine; readonly of: Followed } | undefined
  let filling: Announced | undefined
  let registered: KeyRecord | undefined
  /** Where the key's revocation stands, and the first own line that is not before `since`: a clock that is set back proves nothing. */
  let revokedLeaf = Number.POSITIVE_INFINITY
  let sinceLeaf = Number.POSITIVE_INFINITY
  const settled = Object.fromEntries(keyVerdicts.map((name) => [name, createRanges(both)])) as Record<
    KeyVerdict,
    Ranges<HostKeyRange>
  >
  /** Since the last own line. */
  let pending = new Map<Standing, Ranges<HostKeyRange>>()
  let listing = new Uint8Array(32)

  function followedBy(chain: string): Followed {
    if (last !== undefined) last.of.position = positionAfter(last.parsed, last.of.position.epoch)
    last = undefined
    const found = chains.get(chain) ?? { position: chainStart, first: 0, lines: 0, isBroken: false }
    chains.set(chain, found)
    return found
  }

  function takeOwn(parsed: ParsedLine, leaf: number, attempted: string): void {
    const { line } = parsed
    if (since !== null && line.time >= since) sinceLeaf = Math.min(sinceLeaf, leaf)
    settle(line.time)
    ownTime = line.time
    if ('key' in line || 'registry' in line) takeKey(line, leaf)
    if ('stub' in line) {
      const chain = followedBy(line.stub.chain)
      stubs.add(leaf, parsed, chain.position)
      chain.position = skipStub(chain.position, line.stub, attempted)
    }
    if ('replay' in line) filling = stubs.fill(line.replay, attempted)
  }

  function takeKey(line: Line, leaf: number): void {
    if ('key' in line && line.key.host_id === key.producer && line.key.key_id === key.key_id) registered = line.key
    if (!('registry' in line) || line.registry.producer_kind !== 'host') return
    const { producer, key_id, change } = line.registry
    if (producer === key.producer && key_id === key.key_id && change === 'revoked')
      revokedLeaf = Math.min(revokedLeaf, leaf)
  }

  function takeHosts(parsed: ParsedLine, leaf: number, attempted: string): void {
    if (last !== undefined && parsed.follows(last.parsed)) {
      last.of.lines += 1
      last = { parsed, of: last.of }
      return
    }
    const chain = followedBy(parsed.chain)
    if (chain.lines === 0) chain.first = leaf
    chain.lines += 1
    // Before its line: behind a close the head is the last that the epoch's key signs.
    const { epoch } = chain.position
    follow(chain, parsed, attempted)
    if (parsed.kind === 'event') last = { parsed, of: chain }
    if (parsed.kind !== 'head') return
    const standing = standingOf(chain, parsed, epoch, leaf, attempted)
    const { first: first_leaf, lines } = chain
    if (standing !== undefined) count(standing, parsed, { first_leaf, next_leaf: leaf + 1, lines })
    chain.lines = 0
    chain.isBroken = false
  }

  /** Of a batch under the key; undefined: it is under another one. */
  function standingOf(
    { isBroken }: Followed,
    parsed: ParsedLine,
    epoch: Epoch | undefined,
    leaf: number,
    attempted: string,
  ): Standing | undefined {
    const head = headUnderKey(parsed, attempted)
    if (head === undefined) return undefined
    const isHeld = holds(attempted, (record) => verifyHead(sha256, verify, head, record, attempted, epoch))
    if (isBroken || !isHeld) return 'invalid'
    return leaf > revokedLeaf ? 'suspect' : 'held'
  }

  /** Undefined for other lines, and for a head that names another key, or none. */
  function headUnderKey(parsed: ParsedLine, attempted: string): ReadHead | undefined {
    if (parsed.kind !== 'head') return undefined
    const head = tried(() => readHead(parsed, attempted))
    return head && tried(() => headKeyId(head.note, attempted)) === key.key_id ? head : undefined
  }

  const holds = (attempted: string, check: (record: KeyRecord) => unknown) =>
    registered !== undefined &&
    tried(() => {
      check(checkKeyRecord(sha256, registered as KeyRecord, attempted))
      return true
    }) === true

  /** Lines that come out of turn; their stub, which names their bytes, tells when they came. */
  function takeFilled(filled: Announced, parsed: ParsedLine, leaf: number, attempted: string): void {
    const { replay, start, lines } = filled
    lines.push(parsed)
    if (lines.length < replay.next_seq - replay.first_seq) return
    filling = undefined
    const bytes = filledBytes(sha256, filled, attempted)
    const head = headUnderKey(parsed, attempted)
    if (head === undefined) return
    const isHeld = holds(attempted, (record) => {
      const batch = linkBatch(sha256, { chain: replay.chain, lines: bytes }, start, fillLinesMax)
      return verifyBatch(sha256, verify, batch, record, head)
    })
    const { stub_leaf } = replay
    const inTime = stub_leaf < revokedLeaf && stub_leaf < sinceLeaf ? 'sound' : 'suspect'
    const standing = replay.how !== 'verified' ? 'unvouched' : isHeld ? inTime : 'invalid'
    count(standing, parsed, { first_leaf: leaf + 1 - lines.length, next_leaf: leaf + 1, lines: lines.length })
  }

  function count(standing: Standing, head: ParsedLine, batch: Batch): void {
    const ranges = pending.get(standing) ?? createRanges(both)
    pending.set(standing, ranges)
    const verdict = standing === 'held' ? 'sound' : standing
    ranges.add({ ...batch, verdict, heads: 1, time_before: ownTime, time_behind: null })
    const link = canonicalize([listing.toHex(), batch.next_leaf - 1, batch.lines, head.hash.toHex(), standing])
    listing = new Uint8Array(sha256(new TextEncoder().encode(link)))
  }

  /** `time`: of the own line behind what is pending; null: there is none. */
  function settle(time: string | null): void {
    if (pending.size === 0) return
    const isShown = since === null || (time !== null && sinceLeaf === Number.POSITIVE_INFINITY)
    // What came out of turn stands right behind an own line, before what came in its turn.
    for (const standing of [...keyVerdicts, 'held'] as const) {
      const verdict = standing !== 'held' ? standing : isShown ? 'sound' : 'suspect'
      for (const range of pending.get(standing)?.all() ?? [])
        settled[verdict].add({ ...range, verdict, time_behind: time })
    }
    pending = new Map()
  }

  return {
    take(parsed, leaf, attempted) {
      own ??= parsed.chain
      if (filling !== undefined) takeFilled(filling, parsed, leaf, attempted)
      else if (parsed.chain === own) takeOwn(parsed, leaf, attempted)
      else takeHosts(parsed, leaf, attempted)
    },
    findings: (size) => {
      settle(null)
      const sum = (verdict: KeyVerdict, of: 'heads' | 'lines') =>
        settled[verdict].all().reduce((total, range) => total + range[of], 0)
      const counts = keyVerdicts.map((name) => [name, { heads: sum(name, 'heads'), lines: sum(name, 'lines') }])
      return {
        size,
        counts: Object.fromEntries(counts) as HostKeyFindings['counts'],
        ranges: keyVerdicts.flatMap((name) => settled[name].all()),
        listing: listing.toHex(),
      }
    },
  }
}

/** Behind a line that does not continue its chain that goes on from there. */
function follow(chain: Followed, parsed: ParsedLine, attempted: string): void {
  const { line, seq } = parsed
  const next = isOfHost(parsed) ? tried(() => extendChain(chain.position, parsed, attempted)) : undefined
  if (next === undefined) chain.isBroken = true
  const joined = { nextSeq: seq, tip: line.seq === 0 ? noHash : null }
  chain.position = next ?? tried(() => extendChain(joined, parsed, attempted)) ?? positionAfter(parsed, undefined)
}

/** Undefined where what was looked at is not as it must be. */
function tried<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    return undefined
  }
}

const both = (one: HostKeyRange, other: HostKeyRange): HostKeyRange => ({
  ...one,
  next_leaf: other.next_leaf,
  heads: one.heads + other.heads,
  lines: one.lines + other.lines,
  time_behind: other.time_behind,
})

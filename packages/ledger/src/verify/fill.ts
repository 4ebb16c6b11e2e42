// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import type { VerifiedBatch } from './batch.ts'
import { type ChainPosition, chainStart, fillLinesMax, isOfHost } from './chain.ts'
import { chainErrors } from './chain-errors.ts'
import type { Line, ParsedLine, Replay, Stub, SubmissionReplay } from './line.ts'
import { type Lines, parseLines } from './lines.ts'
import { equal, type Sha256 } from './merkle.ts'

const chainError = errorsOf(chainErrors)

declare const filling: unique symbol
/** Quarantined lines that go into their ledger after all, behind the `replay` that says why (stub.md, 5). */
export type Fill = { readonly replay: Replay; readonly lines: Lines; readonly [filling]: true }

/** What stands beside the lines: where their stub is, and by which version of the registry they were judged now. */
export type FillPlace = { readonly stub: Stub; readonly stubLeaf: number; readonly registry: number }

/** Of lines whose head holds. Throws CHAIN_BROKEN unless they are those of the stub. */
export function verifiedFill(sha256: Sha256, batch: VerifiedBatch, place: FillPlace): Fill {
  return fillOf(sha256, batch, 'verified', place)
}

/** Of lines that nobody vouches for. Throws LINE_… or CHAIN_BROKEN where they are no lines, or not those of the stub. */
export function unverifiedFill(
  sha256: Sha256,
  ndjson: Uint8Array,
  how: Exclude<Replay['how'], 'verified'>,
  place: FillPlace,
): Fill {
  const attempted = `reading quarantined lines of chain ${place.stub.chain}`
  const lines = parseLines(sha256, ndjson, fillLinesMax, attempted)
  for (let i = 0; i < lines.count; i += 1) {
    const parsed = lines.lineAt(i)
    const { chain, seq } = parsed
    if (chain !== place.stub.chain || seq !== place.stub.first_seq + i || !isOfHost(parsed))
      throw chainError('CHAIN_BROKEN', { attempted, received: `line ${seq} of chain ${chain}` })
  }
  return fillOf(sha256, lines, how, place)
}

function fillOf(sha256: Sha256, lines: Lines, how: Replay['how'], { stub, stubLeaf, registry }: FillPlace): Fill {
  const { chain, first_seq, next_seq, item, reason } = stub
  const attempted = `filling the stub at leaf ${stubLeaf}`
  const first = lines.lineAt(0)
  const isPlaced = first.chain === chain && first.seq === first_seq && lines.count === next_seq - first_seq
  if (!isPlaced || sha256(lines.ndjson).toHex() !== item)
    throw chainError('CHAIN_BROKEN', { attempted, received: `${lines.count} lines from ${first.seq} of ${chain}` })
  const replay = { chain, first_seq, next_seq, item, stub_leaf: stubLeaf, registry, how, reason }
  // What a batch says of its chain's end is not so any more.
  const { count, ndjson, rows, hashes, others, lineAt, isNext } = lines
  return { replay, lines: { count, ndjson, rows, hashes, others, lineAt, isNext } } as unknown as Fill
}

/** A stub whose lines did not come yet, and where its chain stood before it. */
type OpenStub = {
  readonly stub: Stub
  readonly start: ChainPosition
  /** When it was written. */
  readonly time: string
  /** What the next line of the chain names as the one before it; undefined: none came yet. */
  next?: string | undefined
}
/** A replay whose lines come. Where its stub was left out, `stubTime` is undefined. */
export type Announced = {
  readonly replay: Replay
  readonly start: ChainPosition
  readonly lines: ParsedLine[]
  readonly stubTime: string | undefined
  readonly next: string | undefined
}

/** Whether the chain went on from the last of the lines, in what stands in the ledger already. */
export const isCovered = ({ lines, next }: Announced): boolean => next === lines.at(-1)?.hash.toHex()

/**
 * The stubs of a ledger that nothing has filled yet, as whoever reads it from its beginning knows them: some hundred bytes
 * for each.
 */
export function createOpenStubs() {
  const open = new Map<number, OpenStub>()
  /** By chain, the last stub, as long as nothing of the chain has come behind it. */
  const last = new Map<string, OpenStub>()
  /** Leaves before this one may have been left out. */
  let seenFrom = 0
  return {
    /** `position`: of the chain, before the stub. */
    add: (leaf: number, { line }: ParsedLine, position: ChainPosition) => {
      if (!('stub' in line)) return
      const { stub, time } = line
      const start = position.nextSeq === stub.first_seq ? position : joinedAt(stub.first_seq)
      const one: OpenStub = { stub, start, time }
      open.set(leaf, one)
      last.set(stub.chain, one)
    },
    /** A line of a chain, in its turn. */
    passBy: (parsed: ParsedLine) => {
      const one = last.size === 0 ? undefined : last.get(parsed.chain)
      if (one === undefined) return
      if (parsed.seq === one.stub.next_seq) one.next = parsed.line.prev
      last.delete(parsed.chain)
    },
    /** Leaves before `leaf` were left out. */
    skip: (leaf: number) => {
      last.clear()
      seenFrom = leaf
    },
    /** Throws CHAIN_BROKEN unless the stub stands there, is the same, and was not filled before. */
    fill: (replay: Replay, attempted: string): Announced => {
      const { stub_leaf, chain, first_seq, next_seq, item, reason } = replay
      const found = open.get(stub_leaf)
      open.delete(stub_leaf)
      const stub = found?.stub
      const isSame =
        stub?.chain === chain &&
        stub.first_seq === first_seq &&
        stub.next_seq === next_seq &&
        stub.item === item &&
        stub.reason === reason
      if (!isSame && (found !== undefined || stub_leaf >= seenFrom)) {
        const received = `a replay of lines ${first_seq} to ${next_seq}, for which no open stub stands at leaf ${stub_leaf}`
        throw chainError('CHAIN_BROKEN', { attempted, received })
      }
      return { replay, start: found?.start ?? joinedAt(first_seq), lines: [], stubTime: found?.time, next: found?.next }
    },
  }
}

const joinedAt = (seq: number): ChainPosition => (seq === 0 ? chainStart : { nextSeq: seq, tip: null })

/** The bytes of the lines, which must be those that were quarantined. Throws CHAIN_BROKEN. */
export function filledBytes(sha256: Sha256, { replay, lines }: Announced, attempted: string): Uint8Array {
  const bytes = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0))
  let at = 0
  for (const line of lines) {
    bytes.set(line.bytes, at)
    at += line.length
    bytes[at] = newline
    at += 1
  }
  if (!equal(sha256(bytes), Uint8Array.fromHex(replay.item)))
    throw chainError('CHAIN_BROKEN', { attempted, received: 'other bytes than those that were quarantined' })
  return bytes
}

const newline = 0x0a

/** What a line says of lines or rows that come in after all; undefined: it says nothing of the kind. */
export function replayOf(line: Line): Replay | SubmissionReplay | undefined {
  if ('replay' in line) return line.replay
  return 'submission_replay' in line ? line.submission_replay : undefined
}

/** How many leaves the line announces: they stand behind it, and enter and leave the ledger with it. */
export function announcedBy(line: Line): number {
  if ('replay' in line) return line.replay.next_seq - line.replay.first_seq
  return 'submission_replay' in line ? line.submission_replay.rows + 1 : 0
}

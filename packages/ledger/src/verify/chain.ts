// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import type { LinkedBatch } from './batch.ts'
import { chainErrors } from './chain-errors.ts'
import { type Epoch, extendEpoch, skipEpoch } from './epoch.ts'
import { type Body, type Envelope, noHash, type ParsedLine, type Replay, type Stub } from './line.ts'

const chainError = errorsOf(chainErrors)

/** What a host writes. */
export const hostKinds: readonly string[] = ['anchor', 'event', 'close', 'head']
export const isOfHost = (leaf: ParsedLine): boolean =>
  hostKinds.includes(leaf.kind) &&
  !(leaf.kind === 'anchor' && 'anchor' in leaf.line && leaf.line.anchor.origin !== null)

/**
 * Where a chain stands: the number of its next line, the leaf hash (hex) of the last, null after a stub, and the epoch,
 * where the chain has epochs.
 */
export type ChainPosition = { readonly nextSeq: number; readonly tip: string | null; readonly epoch?: Epoch }
export const chainStart: ChainPosition = { nextSeq: 0, tip: noHash }

/** The position after `parsed`. Throws CHAIN_BROKEN unless the line follows directly on `position`. */
export function extendChain(position: ChainPosition, parsed: ParsedLine, attempted: string): ChainPosition {
  const { line } = parsed
  const wrong = (received: string) => chainError('CHAIN_BROKEN', { attempted, received })
  if (line.seq !== position.nextSeq) throw wrong(`number ${line.seq} where ${position.nextSeq} was due`)
  if (position.tip !== null && line.prev !== position.tip)
    throw wrong(`prev ${line.prev} where ${position.tip} was due`)
  if ('anchor' in line) checkAnchor(line, attempted)
  else if (line.seq === 0) throw wrong('a first line that is not an anchor')
  return positionAfter(parsed, extendEpoch(position.epoch, line, position.tip === null, attempted))
}

/** `epoch`: after the line. An event changes none. */
export const positionAfter = ({ seq, hash }: ParsedLine, epoch: Epoch | undefined): ChainPosition => ({
  nextSeq: seq + 1,
  tip: hash.toHex(),
  ...(epoch && { epoch }),
})

/** The position after the lines that a stub stands for (stub.md, 2). Throws CHAIN_BROKEN unless they begin at `position`, where that is known. */
export function skipStub(position: ChainPosition | undefined, stub: Stub, attempted: string): ChainPosition {
  const { first_seq, next_seq } = stub
  if ((position !== undefined && first_seq !== position.nextSeq) || next_seq <= first_seq) {
    const due = position === undefined ? 'lines' : `lines from ${position.nextSeq} on`
    throw chainError('CHAIN_BROKEN', {
      attempted,
      received: `a stub from ${first_seq} to ${next_seq} where ${due} were due`,
    })
  }
  const epoch = skipEpoch(position?.epoch)
  return { nextSeq: next_seq, tip: null, ...(epoch && { epoch }) }
}

/** A batch has no more (chain.md, 3.1). */
export const fillLinesMax = 4096

/** Of a `replay`, while its lines come: the number that is due, and the one behind the last. */
type Filling = { readonly chain: string; readonly next: number; readonly end: number }

/** `position`: of the chain, where that is known. Throws CHAIN_BROKEN unless the lines are behind it. */
export function beginFilling(
  { chain, first_seq, next_seq }: Replay,
  position: ChainPosition | undefined,
  own: string,
  attempted: string,
): Filling {
  const isPassed = position === undefined || next_seq <= position.nextSeq
  if (chain === own || next_seq <= first_seq || next_seq - first_seq > fillLinesMax || !isPassed) {
    const received = `a replay of lines ${first_seq} to ${next_seq} where the chain stands at ${position?.nextSeq}`
    throw chainError('CHAIN_BROKEN', { attempted, received })
  }
  return { chain, next: first_seq, end: next_seq }
}

/** Undefined once they are all there. */
function extendFilling(
  { chain, next, end }: Filling,
  leaf: ParsedLine,
  last: ParsedLine,
  attempted: string,
): Filling | undefined {
  if (leaf.chain !== chain || leaf.seq !== next || last.seq >= end || !isOfHost(leaf)) {
    const received = `line ${leaf.seq} of chain ${leaf.chain} where line ${next} of ${chain} was to be replayed`
    throw chainError('CHAIN_BROKEN', { attempted, received })
  }
  return last.seq + 1 === end ? undefined : { chain, next: last.seq + 1, end }
}

function checkAnchor(line: Envelope & Extract<Body, { anchor: unknown }>, attempted: string): void {
  const { prev_file, prev_last_hash, prev_sequence_num } = line.anchor
  const fits =
    line.seq === 0
      ? prev_file === null && prev_last_hash === null && prev_sequence_num === null
      : prev_file !== null && prev_last_hash === line.prev && prev_sequence_num === line.seq - 1
  if (!fits) throw chainError('CHAIN_BROKEN', { attempted, received: 'an anchor that contradicts the line before it' })
}

/** What stands on the ledger's own chain alone. */
const ledgerKinds: ReadonlySet<string> = new Set([
  'delegation',
  'key',
  'registry',
  'replay',
  'row',
  'stub',
  'submission',
  'submission_replay',
  'submission_stub',
  'tenant_head',
])

/** Follows every chain of a ledger through its leaves in order, own lines and stubs included. */
export type ChainWalk = {
  /** The ledger's own chain, known from its first leaf on. */
  readonly own: string | undefined
  /** Lines that are due out of turn, behind the `replay` that announced them. */
  readonly due: number
  position(chain: string): ChainPosition
  /** Throws CHAIN_BROKEN unless the leaf continues its chain. `end`: the last of the events that follow it, one another. */
  step(leaf: ParsedLine, attempted: string, end?: ParsedLine): void
  /** As `step` for each line of a batch, which hangs together already. */
  take(batch: LinkedBatch, attempted: string): void
  /** Leaves were left out: chains go on from wherever their next line says. */
  skip(): void
  entries(): Iterable<[string, ChainPosition]>
}

export function createChainWalk(own?: string, positions: Iterable<[string, ChainPosition]> = []): ChainWalk {
  const known = new Map(positions)
  let ownChain = own
  let hasGaps = false
  // Its chain stands behind it, which `known` is told when somebody asks.
  let last: ParsedLine | undefined
  let filling: Filling | undefined
  const position = (chain: string) => known.get(chain) ?? chainStart
  const settle = () => {
    if (last !== undefined) known.set(last.chain, positionAfter(last, known.get(last.chain)?.epoch))
    last = undefined
  }
  return {
    get own() {
      return ownChain
    },
    get due() {
      return filling === undefined ? 0 : filling.end - filling.next
    },
    position: (chain) => {
      settle()
      return position(chain)
    },
    step,
    take({ chain, lineAt, end }, attempted) {
      step(lineAt(0), attempted)
      last = undefined
      known.set(chain, end)
    },
    skip() {
      last = undefined
      filling = undefined
      hasGaps = true
      known.clear()
    },
    entries: () => {
      settle()
      return known.entries()
    },
  }

  function step(leaf: ParsedLine, attempted: string, end = leaf): void {
    if (last !== undefined && leaf.follows(last)) {
      last = end
      return
    }
    settle()
    if (filling !== undefined) {
      filling = extendFilling(filling, leaf, end, attempted)
      return
    }
    const { line } = leaf
    if (ownChain === undefined) {
      if (!('anchor' in line) || line.anchor.origin === null) {
        throw chainError('CHAIN_BROKEN', {
          attempted,
          received: "a first leaf that is not the anchor of the ledger's own chain",
        })
      }
      ownChain = line.chain
    }
    const isHosts = 'head' in line || 'close' in line || ('anchor' in line && line.anchor.origin === null)
    const isLedgers = ledgerKinds.has(leaf.kind) || ('anchor' in line && !isHosts)
    if (line.chain === ownChain ? isHosts : isLedgers) {
      throw chainError('CHAIN_BROKEN', { attempted, received: 'a line of a kind that its chain may not hold' })
    }
    const mayJump = hasGaps && !known.has(line.chain)
    const from = mayJump ? { nextSeq: line.seq, tip: line.seq === 0 ? noHash : null } : position(line.chain)
    known.set(line.chain, extendChain(from, leaf, attempted))
    last = end
    if ('replay' in line) {
      const isSeen = known.has(line.replay.chain) || !hasGaps
      filling = beginFilling(line.replay, isSeen ? position(line.replay.chain) : undefined, ownChain, attempted)
      last = undefined
    }
    if (!('stub' in line)) return
    const { stub } = line
    if (stub.chain === ownChain) throw chainError('CHAIN_BROKEN', { attempted, received: 'a stub in its own chain' })
    const isFollowed = known.has(stub.chain) || !hasGaps
    known.set(stub.chain, skipStub(isFollowed ? position(stub.chain) : undefined, stub, attempted))
  }
}

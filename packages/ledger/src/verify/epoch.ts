// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import { chainErrors } from './chain-errors.ts'
import type { Anchor, Line } from './line.ts'

const chainError = errorsOf(chainErrors)

/** The epoch in which the next line of a chain stands (chain.md, 5). */
export type Epoch = {
  readonly number: number
  /** Raw public key, hex, that its heads must be signed by; null where the chain was not seen to name it. */
  readonly key: string | null
  /** Between the close of the epoch and the head behind it: the key of the next one. */
  readonly nextKey: string | null
  /** Number of its first line; null where that was not seen. */
  readonly firstSeq: number | null
  /** What the last close says that the server has. */
  readonly acknowledged: number
  /** Lines were left out: the next one may stand in a later epoch. */
  readonly hasGap: boolean
}

const begun = (number: number, firstSeq: number | null): Epoch => ({
  number,
  key: null,
  nextKey: null,
  firstSeq,
  acknowledged: 0,
  hasGap: false,
})

/** The first epoch of a chain, whose first line of version 2 is `firstSeq`. */
export const firstEpoch = (key: string, firstSeq: number): Epoch => ({ ...begun(0, firstSeq), key })

/**
 * The epoch after a line, whose place in its chain is checked already. `before` is undefined where the chain has no
 * epochs, or, with `isJoined`, where nothing of it was seen. Throws CHAIN_BROKEN.
 */
export function extendEpoch(
  before: Epoch | undefined,
  line: Line,
  isJoined: boolean,
  attempted: string,
): Epoch | undefined {
  const wrong = (received: string) =>
    chainError('CHAIN_BROKEN', { attempted, received: `line ${line.seq}, ${received}` })
  if (line.v !== 2) {
    if (before !== undefined) throw wrong(`of version ${line.v} in a chain that has epochs`)
    return undefined
  }
  const epoch = before === undefined ? joinedAt(line, isJoined, wrong) : epochOf(before, line, wrong)
  if (epoch.nextKey !== null && !('head' in line)) throw wrong('which is no head, behind a close')
  if ('anchor' in line) {
    const {
      epoch_key: key,
      epoch_first_seq: firstSeq,
      epoch_acknowledged: acknowledged,
    } = line.anchor as Required<Anchor>
    const fits =
      key === (epoch.key ?? key) &&
      firstSeq === (epoch.firstSeq ?? firstSeq) &&
      firstSeq <= line.seq &&
      (epoch.firstSeq === null ? acknowledged >= epoch.acknowledged : acknowledged === epoch.acknowledged)
    if (!fits) throw wrong('an anchor that contradicts its epoch')
    return { ...epoch, key, firstSeq, acknowledged }
  }
  if ('close' in line) {
    const { next_key, first_seq, lines, acknowledged } = line.close
    if (first_seq + lines !== line.seq || first_seq !== (epoch.firstSeq ?? first_seq))
      throw wrong(`a close of ${lines} lines from ${first_seq} where the epoch began at ${epoch.firstSeq}`)
    if (acknowledged.next_seq < epoch.acknowledged || acknowledged.next_seq > line.seq)
      throw wrong(`a close that takes back what the server had acknowledged: ${acknowledged.next_seq}`)
    return { ...epoch, nextKey: next_key, firstSeq: first_seq, acknowledged: acknowledged.next_seq }
  }
  if ('head' in line && epoch.nextKey !== null)
    return { ...epoch, number: epoch.number + 1, key: epoch.nextKey, nextKey: null, firstSeq: line.seq + 1 }
  return epoch
}

function joinedAt(line: Line, isJoined: boolean, wrong: (received: string) => Error): Epoch {
  const { epoch, seq } = line
  if (isJoined) return begun(epoch, null)
  if (!('anchor' in line) || epoch !== 0) throw wrong('of version 2, where the first epoch begins with an anchor')
  return begun(0, seq)
}

function epochOf(before: Epoch, { epoch }: Line, wrong: (received: string) => Error): Epoch {
  if (epoch === before.number) return { ...before, hasGap: false }
  if (!before.hasGap || epoch < before.number) throw wrong(`of epoch ${epoch} where ${before.number} was due`)
  return { ...before, number: epoch, key: null, nextKey: null, firstSeq: null, hasGap: false }
}

/** The epoch after lines that were not seen: its key still counts if it goes on. */
export const skipEpoch = (before: Epoch | undefined): Epoch | undefined =>
  before && { ...before, nextKey: null, firstSeq: null, hasGap: true }

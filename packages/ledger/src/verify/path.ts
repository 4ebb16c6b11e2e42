// SPDX-License-Identifier: Apache-2.0

import { equal, type Hash, nodeHash, type Sha256, verifyInclusion } from './merkle.ts'

/** Leaves [from, to). */
export type Span = { readonly from: number; readonly to: number }

/** One step up a tree: the hash we have, joined with its sibling. All hashes are hex. */
export type Step = {
  readonly sibling: string
  /** Where the sibling stands, seen from the path. */
  readonly side: 'left' | 'right'
  readonly siblingSpan: Span
  /** The bundle shows none of the sibling's lines: its hash is all there is. */
  readonly isWithheld: boolean
  /** What the two make: SHA-256(0x01 || left || right). */
  readonly hash: string
  readonly span: Span
}

/** The siblings of leaf `index` on its way to the root of a tree of `size`, lowest first (RFC 9162, 2.1.3.1). */
export function siblingSpans(index: number, size: number): { side: 'left' | 'right'; span: Span }[] {
  const spans: { side: 'left' | 'right'; span: Span }[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const split = from + 2 ** Math.floor(Math.log2(to - from - 1))
    if (index < split) {
      spans.push({ side: 'right', span: { from: split, to } })
      to = split
    } else {
      spans.push({ side: 'left', span: { from, to: split } })
      from = split
    }
  }
  return spans.reverse()
}

/**
 * Every hash on the way from a leaf to the root. Throws PROOF_INVALID unless it ends at `root`. `gaps`: the leaves that
 * are withheld, in order.
 */
export function stepsOf(
  sha256: Sha256,
  claim: { readonly index: number; readonly size: number; readonly leaf: Hash; readonly root: Hash },
  proof: readonly Hash[],
  gaps: readonly Span[],
): Step[] {
  verifyInclusion(sha256, claim, proof)
  let hash = claim.leaf
  let span = { from: claim.index, to: claim.index + 1 }
  const steps = siblingSpans(claim.index, claim.size).map(({ side, span: siblingSpan }, i): Step => {
    const sibling = proof[i] as Hash
    hash = side === 'left' ? nodeHash(sha256, sibling, hash) : nodeHash(sha256, hash, sibling)
    span = { from: Math.min(span.from, siblingSpan.from), to: Math.max(span.to, siblingSpan.to) }
    const isWithheld = gaps.some(({ from, to }) => from <= siblingSpan.from && siblingSpan.to <= to)
    return { sibling: sibling.toHex(), side, siblingSpan, isWithheld, hash: hash.toHex(), span }
  })
  if (!equal(hash, claim.root)) throw new Error('the drawn path does not end where the verified proof ends')
  return steps
}

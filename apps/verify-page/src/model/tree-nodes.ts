// SPDX-License-Identifier: Apache-2.0

import { createFrontier, type Hash, nodeHash, type Sha256, subtreesOf } from '@sealwatch/ledger/verify'

/** Hashes of complete subtrees; leaf i is (0, i). */
export type NodeAt = (level: number, index: number) => Hash | undefined

/**
 * Hears of every subtree that becomes complete while a tree grows from left to right. `start`: where the first leaf
 * stands in the whole tree, a multiple of the largest subtree that is asked for.
 */
export function growTree(sha256: Sha256, start: number, onNode: (level: number, index: number, hash: Hash) => void) {
  const frontier = createFrontier(sha256, (level, hash) => onNode(level, Math.floor(at / 2 ** level), hash))
  let at = start
  return {
    append(hash: Hash, level: number): void {
      at = start + frontier.size
      frontier.append(hash, level)
    },
    get size() {
      return start + frontier.size
    },
  }
}

/** The root of the leaves [from, to), which must be what a proof names: aligned, or the tree's right end. */
export function rootOf(sha256: Sha256, nodeAt: NodeAt, from: number, to: number): Hash {
  const parts = [...subtreesOf(from, to)].map(({ level, index }) => {
    const hash = nodeAt(level, index)
    if (hash === undefined) throw new RangeError(`no hash is known for subtree ${index} of level ${level}`)
    return hash
  })
  return parts.reduceRight((right, hash) => nodeHash(sha256, hash, right))
}

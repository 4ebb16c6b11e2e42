// SPDX-License-Identifier: Apache-2.0

import type { Hash } from '../verify/merkle.ts'
import type { HashStore } from './hash-store.ts'

/** RFC 9162, 2.1.3.1: the path from entry `index` to the root of the tree of `size`, lowest first. */
export function inclusionProof(hashes: HashStore, index: number, size: number): Hash[] {
  const path: Hash[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const split = from + largestPowerBelow(to - from)
    if (index < split) {
      path.push(hashes.rootOf(split, to))
      to = split
    } else {
      path.push(hashes.rootOf(from, split))
      from = split
    }
  }
  return path.reverse()
}

/** RFC 9162, 2.1.4.1: that the tree of `newSize` extends the tree of `oldSize`; empty when either has nothing to show. */
export function consistencyProof(hashes: HashStore, oldSize: number, newSize: number): Hash[] {
  if (oldSize > newSize) throw new RangeError(`a tree of ${newSize} does not extend one of ${oldSize}`)
  if (oldSize === 0 || oldSize === newSize) return []
  const path: Hash[] = []
  let from = 0
  let to = newSize
  let isWhole = true
  while (oldSize !== to) {
    const split = from + largestPowerBelow(to - from)
    if (oldSize <= split) {
      path.push(hashes.rootOf(split, to))
      to = split
    } else {
      path.push(hashes.rootOf(from, split))
      from = split
      isWhole = false
    }
  }
  if (!isWhole) path.push(hashes.rootOf(from, to))
  return path.reverse()
}

/** The largest power of two smaller than n; n > 1. */
const largestPowerBelow = (n: number) => 2 ** Math.floor(Math.log2(n - 1))

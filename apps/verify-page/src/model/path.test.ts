// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leafHash, type Span, siblingSpans, stepsOf } from '@sealwatch/ledger/verify'
import { sha256 } from './sha256.ts'
import { growTree, type NodeAt, rootOf } from './tree-nodes.ts'

const sizeMax = 70
const leaves = Array.from({ length: sizeMax }, (_, i) => leafHash(sha256, Uint8Array.of(i)))

function treeOf(size: number): NodeAt {
  const nodes = new Map<string, Uint8Array>()
  const tree = growTree(sha256, 0, (level, index, hash) => nodes.set(`${level}/${index}`, hash))
  for (const leaf of leaves.slice(0, size)) tree.append(leaf, 0)
  return (level, index) => nodes.get(`${level}/${index}`)
}

test('the siblings of a leaf and the leaf itself are the whole tree, each leaf once', () => {
  for (let size = 1; size <= sizeMax; size += 1)
    for (let index = 0; index < size; index += 1) {
      const spans: Span[] = [{ from: index, to: index + 1 }, ...siblingSpans(index, size).map(({ span }) => span)]
      const ends = spans.toSorted((a, b) => a.from - b.from).flatMap(({ from, to }) => [from, to])
      assert.deepEqual(ends, [0, ...ends.slice(1, -1), size])
      for (let i = 1; i < ends.length - 1; i += 2) assert.equal(ends[i], ends[i + 1])
    }
})

test('every leaf of every tree leads to its root, by the hashes of those siblings', () => {
  for (let size = 1; size <= sizeMax; size += 1) {
    const nodeAt = treeOf(size)
    const root = rootOf(sha256, nodeAt, 0, size)
    for (let index = 0; index < size; index += 1) {
      const proof = siblingSpans(index, size).map(({ span }) => rootOf(sha256, nodeAt, span.from, span.to))
      const leaf = leaves[index] as Uint8Array
      const steps = stepsOf(sha256, { index, size, leaf, root }, proof, [])
      assert.equal(steps.at(-1)?.hash ?? leaf.toHex(), root.toHex())
      assert.deepEqual(steps.at(-1)?.span ?? { from: 0, to: 1 }, { from: 0, to: size })
      for (const step of steps) assert.equal(step.hash, rootOf(sha256, nodeAt, step.span.from, step.span.to).toHex())
    }
  }
})

test('a path that ends elsewhere is never drawn', () => {
  const nodeAt = treeOf(5)
  const root = rootOf(sha256, nodeAt, 0, 5)
  const claim = { index: 2, size: 5, leaf: leaves[2] as Uint8Array, root }
  const proof = siblingSpans(2, 5).map(({ span }) => rootOf(sha256, nodeAt, span.from, span.to))
  const invalid = { code: 'PROOF_INVALID' }
  assert.throws(() => stepsOf(sha256, claim, proof.toReversed(), []), invalid)
  assert.throws(() => stepsOf(sha256, claim, proof.slice(1), []), invalid)
  assert.throws(() => stepsOf(sha256, { ...claim, index: 3 }, proof, []), invalid)
  assert.throws(() => rootOf(sha256, nodeAt, 4, 9), RangeError)
})

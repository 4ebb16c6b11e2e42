// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isSealwatchError } from '@sealwatch/base'
import fc from 'fast-check'
import { naivePath, naiveProof, naiveRoot } from '../../test/naive-merkle.ts'
import { sha256 } from '../sha256.ts'
import { createFrontier, equal, hashesOf, leafHash, subtreesOf, verifyConsistency, verifyInclusion } from './merkle.ts'

const entriesOf = (count: number) => Array.from({ length: count }, (_, i) => Buffer.from(`entry ${i}`))

function holds(check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    if (isSealwatchError(error, 'PROOF_INVALID')) return false
    throw error
  }
}

/** Numbers beyond 2^53 become the nearest double, which is not safe and has to be refused. */
function readCases<T>(file: string): T[] {
  const text = readFileSync(new URL(`../../../../vectors/rfc6962-merkle/${file}`, import.meta.url), 'utf8')
  const asBigInt = (_name: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? BigInt(source as string) : value
  return JSON.parse(text, asBigInt as (name: string, value: unknown) => unknown) as T[]
}

const bytes = (base64: string | null) => Buffer.from(base64 ?? '', 'base64')

type InclusionCase = {
  name: string
  leafIdx: number | bigint
  treeSize: number | bigint
  root: string
  leafHash: string
  proof: string[] | null
  wantErr: boolean
}

test('all published inclusion proofs (RFC 6962) are judged as published', () => {
  const cases = readCases<InclusionCase>('inclusion.json')
  assert.equal(cases.length, 98)
  assert.ok(cases.some(({ leafIdx }) => typeof leafIdx === 'bigint'))
  for (const { name, leafIdx, treeSize, root, leafHash: leaf, proof, wantErr } of cases) {
    const claim = { index: Number(leafIdx), size: Number(treeSize), leaf: bytes(leaf), root: bytes(root) }
    assert.equal(
      holds(() => verifyInclusion(sha256, claim, (proof ?? []).map(bytes))),
      !wantErr,
      name,
    )
  }
})

type ConsistencyCase = {
  name: string
  size1: number | bigint
  size2: number | bigint
  root1: string
  root2: string
  proof: string[] | null
  wantErr: boolean
}

// The published cases take every old size of 0 for an error. Our rule is another: see the next test. The three cases
// that would tell the two rules apart carry roots of 12 bytes ("don't care 1"), and those are refused by both.
test('all published consistency proofs (RFC 6962) are judged as published', () => {
  const cases = readCases<ConsistencyCase>('consistency.json')
  assert.equal(cases.length, 98)
  for (const { name, size1, size2, root1, root2, proof, wantErr } of cases) {
    const claim = { oldSize: Number(size1), newSize: Number(size2), oldRoot: bytes(root1), newRoot: bytes(root2) }
    assert.equal(
      holds(() => verifyConsistency(sha256, claim, (proof ?? []).map(bytes))),
      !wantErr,
      name,
    )
  }
})

test('the empty tree is extended by every tree, itself included, with an empty proof (C2SP tlog-witness)', () => {
  const empty = sha256(new Uint8Array(0))
  const newRoot = naiveRoot(entriesOf(3))
  const claim = { oldSize: 0, oldRoot: empty, newSize: 3, newRoot }
  assert.ok(holds(() => verifyConsistency(sha256, claim, [])))
  assert.ok(holds(() => verifyConsistency(sha256, { ...claim, newSize: 0, newRoot: empty }, [])))
  assert.ok(!holds(() => verifyConsistency(sha256, claim, [newRoot])))
  assert.ok(!holds(() => verifyConsistency(sha256, { ...claim, oldRoot: newRoot }, [])))
})

test('proofs as RFC 9162 makes them verify, and every flipped hash, missing or added one does not', () => {
  const sizes = fc.integer({ min: 1, max: 600 })
  const claims = fc.tuple(sizes, fc.nat(), fc.nat(), fc.nat())
  fc.assert(
    fc.property(claims, ([size, a, b, c]) => {
      const entries = entriesOf(size)
      const root = naiveRoot(entries)
      const index = a % size
      const claim = { index, size, leaf: leafHash(sha256, entries[index] as Buffer), root }
      judged(naivePath(index, entries), b, c, (proof) => verifyInclusion(sha256, claim, proof))
      const oldSize = 1 + (b % size)
      if (oldSize === size) return
      const old = { oldSize, oldRoot: naiveRoot(entries.slice(0, oldSize)), newSize: size, newRoot: root }
      judged(naiveProof(oldSize, entries), c, a, (proof) => verifyConsistency(sha256, old, proof))
    }),
    { numRuns: 60 },
  )
})

function judged(proof: Buffer[], at: number, bit: number, verify: (proof: Buffer[]) => void): void {
  assert.ok(holds(() => verify(proof)))
  const extra = Buffer.alloc(32, at & 0xff)
  assert.ok(!holds(() => verify([...proof, extra])), 'a hash too many at the end')
  assert.ok(!holds(() => verify([extra, ...proof])), 'a hash too many at the start')
  if (proof.length === 0) return
  assert.ok(!holds(() => verify(proof.slice(1))), 'the first hash missing')
  assert.ok(!holds(() => verify(proof.slice(0, -1))), 'the last hash missing')
  const flipped = proof.map((hash) => Buffer.from(hash))
  const hash = flipped[at % proof.length] as Buffer
  hash[bit % 32] = (hash[bit % 32] as number) ^ (1 << (bit % 8))
  assert.ok(!holds(() => verify(flipped)), 'a flipped bit')
}

test('numbers that are no counts are refused', () => {
  const leaf = leafHash(sha256, Buffer.from('entry 0'))
  for (const index of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1]) {
    assert.ok(!holds(() => verifyInclusion(sha256, { index, size: 1, leaf, root: leaf }, [])), `index ${index}`)
    const claim = { oldSize: index, newSize: 0.5, oldRoot: leaf, newRoot: leaf }
    assert.ok(!holds(() => verifyConsistency(sha256, claim, [])), `size ${index}`)
  }
  for (const size of [0, -1, 0.5, Number.NaN, 2 ** 53])
    assert.ok(!holds(() => verifyInclusion(sha256, { index: 0, size, leaf, root: leaf }, [])), `size ${size}`)
})

test('what is no hash is refused, also where it would lead to the root', () => {
  const leaf = leafHash(sha256, Buffer.from('entry 0'))
  for (const length of [0, 31, 33, 64]) {
    const wrong = new Uint8Array(length)
    assert.ok(!holds(() => verifyInclusion(sha256, { index: 0, size: 1, leaf: wrong, root: wrong }, [])))
    assert.ok(!holds(() => verifyInclusion(sha256, { index: 0, size: 2, leaf, root: leaf }, [wrong])))
    const claim = { oldSize: 1, newSize: 2, oldRoot: leaf, newRoot: leaf }
    assert.ok(!holds(() => verifyConsistency(sha256, claim, [wrong])))
    assert.ok(!holds(() => verifyConsistency(sha256, { ...claim, newRoot: wrong }, [leaf])))
  }
})

test('a frontier grows to the root of RFC 9162 from leaves, and from whole subtrees alike', () => {
  const sizes = fc.tuple(fc.nat(600), fc.nat(600))
  fc.assert(
    fc.property(sizes, ([a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      const entries = entriesOf(to)
      const frontier = createFrontier(sha256)
      for (const entry of entries.slice(0, from)) frontier.append(leafHash(sha256, entry))
      assert.ok(equal(frontier.root(), naiveRoot(entries.slice(0, from))))
      for (const { level, index } of subtreesOf(from, to)) {
        const subtree = entries.slice(index * 2 ** level, (index + 1) * 2 ** level)
        assert.equal(subtree.length, 2 ** level)
        frontier.append(naiveRoot(subtree), level)
      }
      assert.equal(frontier.size, to)
      assert.ok(equal(frontier.root(), naiveRoot(entries)))
    }),
    { numRuns: 60 },
  )
})

test('a row of leaves makes the tree, and tells the nodes, that leaves one by one make', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(70), { maxLength: 8 }), (lengths) => {
      const leaves = entriesOf(lengths.reduce((sum, length) => sum + length, 0)).map((entry) => leafHash(sha256, entry))
      const heard: [string[][], string[][]] = [[], []]
      const hear = (into: string[][]) => (level: number, row: Uint8Array) => {
        into[level] ??= []
        into[level]?.push(...hashesOf(row).map((hash) => hash.toHex()))
      }
      const single = createFrontier(sha256, hear(heard[0]))
      for (const leaf of leaves) single.append(leaf)
      const rows = createFrontier(sha256, hear(heard[1]))
      let at = 0
      for (const length of lengths) {
        rows.append(Buffer.concat(leaves.slice(at, at + length)))
        at += length
      }
      assert.equal(rows.size, leaves.length)
      assert.ok(equal(rows.root(), single.root()))
      assert.deepEqual(heard[1], heard[0])
    }),
    { numRuns: 100 },
  )
})

test('subtrees cover a range exactly, left to right, also where numbers exceed 32 bits', () => {
  const limit = 2 ** 53 - 1
  const ranges = fc.tuple(fc.maxSafeNat(), fc.maxSafeNat())
  fc.assert(
    fc.property(ranges, ([a, b]) => {
      const [from, to] = [Math.min(a, b), Math.min(Math.max(a, b), limit)]
      let at = from
      for (const { level, index } of subtreesOf(from, to)) {
        assert.equal(index * 2 ** level, at)
        at += 2 ** level
      }
      assert.equal(at, to)
    }),
  )
  const frontier = createFrontier(sha256)
  frontier.append(new Uint8Array(32), 40)
  assert.throws(() => frontier.append(new Uint8Array(32), 41), RangeError)
})

// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'

export const merkleErrors = {
  PROOF_INVALID: {
    kind: 'unverified',
    rule: 'a Merkle proof leads from what it proves to the root it claims (RFC 9162, 2.1.3 and 2.1.4)',
    advice: 'Ask for the proof again from a source you trust; a proof that stays wrong means the log was altered',
  },
} as const satisfies ErrorTable
const merkleError = errorsOf(merkleErrors)

/** SHA-256 as the caller's platform has it; and what it does for many pieces, or lines, at a time where it has that too. */
export type Sha256 = {
  (data: Uint8Array): Uint8Array
  readonly many?: ManyHashes
  /** Reads events of these bytes, which must not change meanwhile. */
  readonly events?: (bytes: Uint8Array) => ReadEvents
}
/**
 * Lines of events that stand one behind the other from byte `from` on: their rows as readEvent writes them, behind the first
 * `done` of `rows`, up to `most` of them. Returns how many there are then. Where it stops, readEvent is to judge.
 */
export type ReadEvents = (from: number, rows: Float64Array, done: number, most: number) => number
/** Each throws RangeError where a piece lies outside of what was handed in. Hashes of 32 bytes, one after the other. */
export type ManyHashes = {
  /** Leaf hashes of `bytes` from each even place to the odd one behind it, `count` of them, into `into`. */
  leaves(bytes: Uint8Array, places: Uint32Array, count: number, into: Uint8Array): void
  /** Of `count` pairs of hashes, `into` their nodes. */
  nodes(pairs: Uint8Array, count: number, into: Uint8Array): void
  /**
   * Lines that each name the leaf hash of the one before, as 64 hexadecimal digits. Three places for each: its beginning,
   * its end, and the beginning of those digits, which are written. `tip`: the hash before the first, then that of the last.
   */
  chain(bytes: Uint8Array, places: Uint32Array, count: number, tip: Uint8Array): void
}
/** 32 bytes. */
export type Hash = Uint8Array
export const hashBytes = 32

/** RFC 9162, 2.1.1: SHA-256(0x00 || entry). */
export function leafHash(sha256: Sha256, entry: Uint8Array): Hash {
  const framed = new Uint8Array(entry.length + 1)
  framed.set(entry, 1)
  return sha256(framed)
}

/**
 * The same of an entry that stands in a frame, with a byte before it. For a moment that byte is the prefix of a leaf: so
 * nothing is copied to be hashed.
 */
export function leafHashIn(sha256: Sha256, frame: Uint8Array, from: number, to: number): Hash {
  const before = frame[from - 1] as number
  frame[from - 1] = 0
  const hash = sha256(frame.subarray(from - 1, to))
  frame[from - 1] = before
  return hash
}

/** The same of many entries, of which each stands from an even place to the odd one behind it: one hash after the other. */
export function leafHashesIn(sha256: Sha256, frame: Uint8Array, places: Uint32Array, count: number): Uint8Array {
  const hashes = new Uint8Array(count * hashBytes)
  if (sha256.many !== undefined) sha256.many.leaves(frame, places, count, hashes)
  else
    for (let i = 0; i < count; i += 1)
      hashes.set(leafHashOf(sha256, frame, places[2 * i] as number, places[2 * i + 1] as number), i * hashBytes)
  return hashes
}

/** What begins the bytes has no byte before it to borrow. */
const leafHashOf = (sha256: Sha256, bytes: Uint8Array, from: number, to: number): Hash =>
  from === 0 ? leafHash(sha256, bytes.subarray(from, to)) : leafHashIn(sha256, bytes, from, to)

/**
 * Lines that each name the leaf hash of the line before them, as 64 digits, which are written here. Three places for each
 * as in ManyHashes.chain. `tip`: the hash before the first, and afterwards that of the last.
 */
export function linkHashesIn(sha256: Sha256, lines: Uint8Array, places: Uint32Array, count: number, tip: Hash): void {
  if (sha256.many !== undefined) {
    sha256.many.chain(lines, places, count, tip)
    return
  }
  for (let i = 0; i < 3 * count; i += 3) {
    const [from, to, prevFrom] = [places[i] as number, places[i + 1] as number, places[i + 2] as number]
    lines.set(utf8.encode(tip.toHex()), prevFrom)
    tip.set(leafHashOf(sha256, lines, from, to))
  }
}

const utf8 = new TextEncoder()

// Written anew for each node, and read by nobody once the hash is there.
const nodeFrame = new Uint8Array(65).fill(1, 0, 1)

/** RFC 9162, 2.1.1: SHA-256(0x01 || left || right). */
export function nodeHash(sha256: Sha256, left: Hash, right: Hash): Hash {
  nodeFrame.set(left, 1)
  nodeFrame.set(right, 33)
  return sha256(nodeFrame)
}

/** Of an even number of hashes, one after the other, the nodes over each two of them. */
export function nodeHashes(sha256: Sha256, row: Uint8Array): Uint8Array {
  const nodes = new Uint8Array(row.length / 2)
  if (sha256.many !== undefined) sha256.many.nodes(row, nodes.length / hashBytes, nodes)
  else
    for (let at = 0; at < nodes.length; at += hashBytes)
      nodes.set(nodeHash(sha256, hashIn(row, 2 * at), hashIn(row, 2 * at + hashBytes)), at)
  return nodes
}

const none = new Uint8Array(0)
const hashIn = (row: Uint8Array, at: number): Hash => row.subarray(at, at + hashBytes)

/** The complete subtrees, left to right, of which a tree of `size` consists; levels fall from left to right. */
export type Frontier = {
  readonly size: number
  /**
   * Appends complete subtrees of 2^level leaves, one hash after the other; `size` must be a multiple of that. What comes
   * as one row is hashed as one.
   */
  append(row: Uint8Array, level?: number): void
  root(): Hash
}

/**
 * Grows a tree from left to right in logarithmic memory. `onRow` hears of every subtree that becomes complete, level by
 * level: those of one call stand side by side.
 */
export function createFrontier(sha256: Sha256, onRow?: (level: number, row: Uint8Array) => void): Frontier {
  // One for each bit of the size that is set.
  const subtrees: (Hash | undefined)[] = []
  let size = 0
  return {
    get size() {
      return size
    },
    append(leaves, startLevel = 0) {
      if (size % 2 ** startLevel !== 0) throw new RangeError(`a subtree of level ${startLevel} cannot start at ${size}`)
      size += (leaves.length / hashBytes) * 2 ** startLevel
      let row = leaves
      for (let level = startLevel; row.length > 0; level += 1) {
        onRow?.(level, row)
        const left = subtrees[level]
        const pairs = left === undefined ? row : joined(left, row)
        const paired = pairs.length - (pairs.length % (2 * hashBytes))
        // A copy: what it is part of may be large.
        subtrees[level] = paired === pairs.length ? undefined : pairs.slice(paired)
        row = paired === 0 ? none : nodeHashes(sha256, pairs.subarray(0, paired))
      }
    },
    root() {
      const [last, ...above] = subtrees.filter((hash) => hash !== undefined)
      if (last === undefined) return sha256(new Uint8Array(0))
      return above.reduce((right, left) => nodeHash(sha256, left, right), last)
    },
  }
}

function joined(left: Hash, row: Uint8Array): Uint8Array {
  const whole = new Uint8Array(left.length + row.length)
  whole.set(left)
  whole.set(row, left.length)
  return whole
}

/** The hashes of a row, one by one. */
export const hashesOf = (row: Uint8Array): Hash[] =>
  Array.from({ length: row.length / hashBytes }, (_, i) => hashIn(row, i * hashBytes))

/** The aligned complete subtrees, left to right, that cover [from, to): what a gap in a disclosure consists of. */
export function* subtreesOf(from: number, to: number): Generator<{ level: number; index: number }> {
  for (let at = from; at < to; ) {
    let level = 0
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= to) level += 1
    yield { level, index: at / 2 ** level }
    at += 2 ** level
  }
}

/** RFC 9162, 2.1.3.2. Throws PROOF_INVALID unless `leaf` is entry `index` of the tree of `size` with `root`. */
export function verifyInclusion(
  sha256: Sha256,
  claim: { index: number; size: number; leaf: Hash; root: Hash },
  proof: readonly Hash[],
): void {
  const { index, size } = claim
  const attempted = `verifying the inclusion of entry ${index} in a tree of ${size}`
  if (!isCount(index) || !isCount(size) || index >= size)
    throw merkleError('PROOF_INVALID', { attempted, received: 'index outside the tree' })
  if (![claim.leaf, claim.root, ...proof].every(isHash))
    throw merkleError('PROOF_INVALID', { attempted, received: 'a hash that is not 32 bytes' })
  let fn = index
  let sn = size - 1
  let hash = claim.leaf
  for (const sibling of proof) {
    if (sn === 0)
      throw merkleError('PROOF_INVALID', { attempted, received: `${proof.length} hashes, which are too many` })
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sha256, sibling, hash)
      while (fn % 2 === 0 && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else {
      hash = nodeHash(sha256, hash, sibling)
    }
    fn = half(fn)
    sn = half(sn)
  }
  if (sn !== 0) throw merkleError('PROOF_INVALID', { attempted, received: `${proof.length} hashes, which are too few` })
  if (!equal(hash, claim.root)) throw merkleError('PROOF_INVALID', { attempted, received: 'another root' })
}

/**
 * RFC 9162, 2.1.4.2. Throws PROOF_INVALID unless the tree of `newSize` extends the tree of `oldSize`. An empty old
 * tree is extended by every tree, with an empty proof (C2SP tlog-witness, add-checkpoint).
 */
export function verifyConsistency(
  sha256: Sha256,
  claim: { oldSize: number; oldRoot: Hash; newSize: number; newRoot: Hash },
  proof: readonly Hash[],
): void {
  const { oldSize, newSize, oldRoot, newRoot } = claim
  const attempted = `verifying that a tree of ${newSize} extends a tree of ${oldSize}`
  const wrong = (received: string) => merkleError('PROOF_INVALID', { attempted, received })
  if (!isCount(oldSize) || !isCount(newSize) || oldSize > newSize) throw wrong('sizes that do not grow')
  if (oldSize !== newSize && ![oldRoot, newRoot, ...proof].every(isHash)) throw wrong('a hash that is not 32 bytes')
  if (oldSize === 0 || oldSize === newSize) {
    if (proof.length > 0) throw wrong(`${proof.length} hashes where none are needed`)
    if (oldSize === newSize && !equal(oldRoot, newRoot)) throw wrong('two roots for one size')
    if (oldSize === 0 && !equal(oldRoot, sha256(new Uint8Array(0)))) throw wrong('a root that is not the empty tree')
    return
  }
  if (proof.length === 0) throw wrong('an empty proof')
  const roots = rootsByConsistency(sha256, claim, proof)
  if (typeof roots === 'string') throw wrong(`${proof.length} hashes, which are too ${roots}`)
  if (!equal(roots.oldRoot, oldRoot)) throw wrong('another old root')
  if (!equal(roots.newRoot, newRoot)) throw wrong('another new root')
}

/**
 * The roots of both trees that a consistency proof leads to, for 0 < oldSize < newSize. Where it leads to the root of a
 * tree, it leads to the one root that the first `oldSize` leaves of that tree have. `oldRoot` is made use of only where
 * the old tree is a complete subtree of the new one, and is then itself the start of the proof.
 */
export function rootsByConsistency(
  sha256: Sha256,
  { oldSize, newSize, oldRoot }: { oldSize: number; newSize: number; oldRoot: Hash },
  proof: readonly Hash[],
): { oldRoot: Hash; newRoot: Hash } | 'many' | 'few' {
  const isPowerOfTwo = Number.isInteger(Math.log2(oldSize)) && 2 ** Math.log2(oldSize) === oldSize
  const [first, ...rest] = isPowerOfTwo ? [oldRoot, ...proof] : proof
  if (first === undefined) return 'few'
  let fn = oldSize - 1
  let sn = newSize - 1
  while (fn % 2 === 1) {
    fn = half(fn)
    sn = half(sn)
  }
  let oldHash = first
  let newHash = first
  for (const sibling of rest) {
    if (sn === 0) return 'many'
    if (fn % 2 === 1 || fn === sn) {
      oldHash = nodeHash(sha256, sibling, oldHash)
      newHash = nodeHash(sha256, sibling, newHash)
      while (fn % 2 === 0 && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else {
      newHash = nodeHash(sha256, newHash, sibling)
    }
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 ? { oldRoot: oldHash, newRoot: newHash } : 'few'
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false
  return true
}

// Shifts would cut to 32 bits.
const half = (n: number) => Math.floor(n / 2)
const isHash = (hash: Hash) => hash.length === 32
const isCount = (n: number) => Number.isSafeInteger(n) && n >= 0

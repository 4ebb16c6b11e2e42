// SPDX-License-Identifier: Apache-2.0

import type { Hash, Sha256 } from '@sealwatch/ledger/verify'
import { subtreesOf } from '@sealwatch/ledger/verify'
import { type Column, column } from './columns.ts'
import { growTree, type NodeAt } from './tree-nodes.ts'

/**
 * Where things stand in a bundle, noted while it streams by on its way to the verifier. It judges nothing and trusts
 * nothing: what it holds means something only after the verifier has found the whole file good, and at the first record
 * that it cannot place it stops.
 */
export type BundleMap = {
  /** Of each shown line, in order: 24 bytes, whatever the line's length. The text stays in the file. */
  readonly offset: Column
  readonly bytes: Column
  /** Bytes of the record with its personal values, which follows the line and its newline; 0: none. */
  readonly revealBytes: Column
  readonly fileLine: Column
  /** The header record; empty until it has come. */
  readonly header: Uint8Array
  /** Ranges of leaves that stand as hashes only, at most `gapsMax` of them. */
  readonly gaps: readonly { readonly from: number; readonly to: number }[]
  take(chunk: Uint8Array): void
  /** The hashes that a proof for `leaf` needs, the lowest of them read from the file again. */
  nodesFor(leaf: number, read: ReadRange): Promise<NodeAt>
}

export type ReadRange = (offset: number, bytes: number) => Promise<Uint8Array>

/** Subtrees of this level and above are kept; for what lies below, up to 2^10 hashes are read from the file. */
const keptLevel = 10
const blockLeaves = 2 ** keptLevel
const recordBytesMax = 1024 * 1024
export const gapsMax = 10_000

export function createBundleMap(sha256: Sha256): BundleMap {
  const columns = {
    offset: column(Float64Array),
    bytes: column(Uint32Array),
    revealBytes: column(Uint32Array),
    fileLine: column(Float64Array),
  }
  // Records of hashes: where they stand in the file, and the first leaf they speak of.
  const hashes = { offset: column(Float64Array), bytes: column(Uint32Array), from: column(Float64Array) }
  const gaps: { from: number; to: number }[] = []
  const kept = new Map<string, Hash>()
  // The right end of the tree has subtrees of every size, which no block holds.
  const edge = new Map<number, { index: number; hash: Hash }>()
  const tree = growTree(sha256, 0, (level, index, hash) => {
    if (level >= keptLevel) kept.set(keyOf(level, index), hash)
    else edge.set(level, { index, hash })
  })
  let header: Uint8Array = new Uint8Array(0)
  let rest: Uint8Array = new Uint8Array(0)
  let fileOffset = 0
  let fileLine = 0
  let linesDue = 0
  let mayReveal = false
  let isLost = false

  function takeRecord(record: Uint8Array, offset: number): void {
    fileLine += 1
    if (fileLine === 1) header = record.slice()
    else if (mayReveal && startsWith(record, revealMark)) {
      columns.revealBytes.set(columns.revealBytes.length - 1, record.length)
      mayReveal = false
    } else if (linesDue > 0) {
      columns.offset.push(offset)
      columns.bytes.push(record.length)
      columns.revealBytes.push(0)
      columns.fileLine.push(fileLine)
      linesDue -= 1
      mayReveal = true
    } else takeHashes(record, offset)
  }

  function takeHashes(record: Uint8Array, offset: number): void {
    mayReveal = false
    const parsed = parseHashes(record, tree.size)
    if (parsed === undefined) {
      isLost = true
      return
    }
    hashes.offset.push(offset)
    hashes.bytes.push(record.length)
    hashes.from.push(parsed.from)
    if (parsed.isShown) linesDue = parsed.parts.length
    else if (gaps.length < gapsMax) gaps.push({ from: parsed.from, to: parsed.to })
    for (const { level, hash } of parsed.parts) tree.append(hash, level)
  }

  return {
    ...columns,
    gaps,
    get header() {
      return header
    },
    take(chunk) {
      if (isLost) return
      let from = 0
      try {
        for (let end = chunk.indexOf(newline); end >= 0 && !isLost; end = chunk.indexOf(newline, from)) {
          const piece = chunk.subarray(from, end)
          takeRecord(rest.length === 0 ? piece : concat(rest, piece), fileOffset + from - rest.length)
          rest = new Uint8Array(0)
          from = end + 1
        }
      } catch {
        // A tree that cannot grow so: the verifier says in words what is wrong.
        isLost = true
      }
      rest = concat(rest, chunk.subarray(from))
      fileOffset += chunk.length
      if (rest.length > recordBytesMax) isLost = true
    },
    async nodesFor(leaf, read) {
      const block = Math.floor(leaf / blockLeaves) * blockLeaves
      const local = new Map<string, Hash>()
      const grown = growTree(sha256, block, (level, index, hash) => local.set(keyOf(level, index), hash))
      for (let i = lastAtOrBelow(hashes.from, block); i < hashes.from.length; i += 1) {
        const from = hashes.from.at(i)
        if (from >= block + blockLeaves) break
        const record = await read(hashes.offset.at(i), hashes.bytes.at(i))
        for (const part of parseHashes(record, from)?.parts ?? [])
          if (part.from >= block && part.from < block + blockLeaves) grown.append(part.hash, part.level)
      }
      return (level, index) => {
        const key = keyOf(level, index)
        const last = edge.get(level)
        return kept.get(key) ?? local.get(key) ?? (last?.index === index ? last.hash : undefined)
      }
    },
  }
}

type Part = { readonly from: number; readonly level: number; readonly hash: Hash }

/** The hashes of a `leaves` or `gap` record that begins at leaf `due`, and what each stands for (bundle.md, 2.2). */
function parseHashes(record: Uint8Array, due: number) {
  try {
    const { leaves, gap } = JSON.parse(utf8.decode(record)) as {
      leaves?: { from: number; hashes: string[] }
      gap?: { from: number; to: number; hashes: string[] }
    }
    const { from, hashes } = leaves ?? (gap as NonNullable<typeof gap>)
    const to = gap === undefined ? from + hashes.length : gap.to
    if (from !== due || !Number.isSafeInteger(to) || to <= from) return undefined
    const levels = gap === undefined ? hashes.map(() => 0) : [...subtreesOf(from, to)].map(({ level }) => level)
    if (levels.length !== hashes.length) return undefined
    let at = from
    const parts = hashes.map((hash, i): Part => {
      const part = { from: at, level: levels[i] as number, hash: Uint8Array.fromHex(hash) }
      at += 2 ** part.level
      return part
    })
    return { isShown: gap === undefined, from, to, parts }
  } catch {
    return undefined
  }
}

/** The last row whose value is at most `value`; the first, if there is none. */
function lastAtOrBelow(sorted: Column, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted.at(middle) <= value) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}

const newline = 0x0a
const utf8 = new TextDecoder()
const revealMark = new TextEncoder().encode('{"reveal":')
const startsWith = (bytes: Uint8Array, mark: Uint8Array) => mark.every((byte, i) => bytes[i] === byte)
const keyOf = (level: number, index: number) => `${level}/${index}`

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b.slice()
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}

// SPDX-License-Identifier: Apache-2.0

import { canonicalize } from '@sealwatch/base'
import type { DsseEnvelope } from '@sealwatch/keys'
import type { Ledger, SignedCheckpoint } from './log/ledger.ts'
import { subtreesOf } from './verify/merkle.ts'

/** Leaves [from, to). */
export type LeafRange = { readonly from: number; readonly to: number }

/** A line of the root ledger, and its way to the root checkpoint. */
export type RootLeaf = { readonly index: number; readonly line: Uint8Array; readonly proof: readonly Uint8Array[] }

/** A tenant's checkpoint, the root ledger's word for it, and why the key that signed both is to be believed. */
export type SealedTenant = {
  readonly checkpoint: SignedCheckpoint
  readonly root: RootLeaf & {
    /** With the signatures of log key and witnesses, where there are any. */
    readonly note: string
    readonly size: number
    readonly countersignature: DsseEnvelope | undefined
  }
  readonly delegation: RootLeaf
}

export type BundleRequest = {
  readonly ledger: Ledger
  readonly sealed: SealedTenant
  /** Verifier keys of the keys that signed the delegation. */
  readonly vkeys: readonly string[]
  /** None of them may cut a fill in two: wholeFills. */
  readonly ranges: readonly LeafRange[]
  /** Canonical personal values of a leaf, where they are to be shown. */
  readonly reveal?: (index: number) => Promise<string | undefined>
}

/** Leaves of one `leaves` record at most: what a verifier holds in memory at a time. */
export const bundleRecordLeavesMax = 256

/**
 * The records of a bundle (bundle.md), each ended by a newline: the whole tree from left to right, the ranges as lines
 * and what lies between them as hashes. Leaf 0, which names the tenant, is always shown.
 */
export async function* writeBundle(request: BundleRequest): AsyncGenerator<{ bytes: Uint8Array; lines: number }> {
  const { ledger, sealed, vkeys, reveal } = request
  const { size } = sealed.checkpoint
  const record = (value: object) => Buffer.from(`${canonicalize(value)}\n`)
  const { root } = sealed
  const header = {
    bundle: {
      checkpoint: sealed.checkpoint.note,
      delegation: rootLeaf(sealed.delegation),
      keys: [...vkeys],
      root: { checkpoint: root.note, countersignature: root.countersignature ?? null, ...rootLeaf(root) },
      tenant: ledger.tenant,
      v: 2,
    },
  }
  yield { bytes: record(header), lines: 0 }
  let at = 0
  for (const { from, to } of mergeRanges([{ from: 0, to: 1 }, ...request.ranges], size)) {
    if (from > at) yield { bytes: record(gapRecord(ledger, at, from)), lines: 0 }
    for (at = from; at < to; ) {
      const until = Math.min(to, at + bundleRecordLeavesMax)
      const hashes = ledger.leafHashes(at, until).map((hash) => hash.toHex())
      const chunks: Uint8Array[] = []
      let revealed = 0
      while (at < until) {
        const leaves = await ledger.readChecked(at, until - at)
        for (const { index, line } of leaves) {
          chunks.push(line, newline)
          const values = await reveal?.(index)
          if (values === undefined) continue
          chunks.push(Buffer.from(`{"reveal":${values}}\n`))
          revealed += 1
        }
        at += leaves.length
      }
      chunks.unshift(record({ leaves: { from: until - hashes.length, hashes, revealed } }))
      yield { bytes: Buffer.concat(chunks), lines: hashes.length }
    }
  }
  if (at < size) yield { bytes: record(gapRecord(ledger, at, size)), lines: 0 }
}

/**
 * The ranges, and with them whole what they begin or end in the middle of: a `replay` and the lines behind it are shown
 * together or not at all (bundle.md, 2.6). `fillAt`: the leaves of that to which a leaf belongs.
 */
export async function wholeFills(
  ranges: readonly LeafRange[],
  fillAt: (leaf: number) => Promise<LeafRange | undefined>,
): Promise<LeafRange[]> {
  const found: LeafRange[] = []
  for (const { from, to } of ranges)
    for (const edge of [from, to - 1]) {
      const fill = await fillAt(edge)
      if (fill !== undefined) found.push(fill)
    }
  return [...ranges, ...found]
}

const newline = Uint8Array.of(0x0a)

const rootLeaf = ({ index, line, proof }: RootLeaf) => ({
  index,
  line: Buffer.from(line).toString('utf8'),
  proof: proof.map((hash) => hash.toHex()),
})

function gapRecord(ledger: Ledger, from: number, to: number) {
  const hashes = [...subtreesOf(from, to)].map(({ level, index }) => ledger.subtree(level, index).toHex())
  return { gap: { from, hashes, to } }
}

/** Sorted, without overlap, within [0, size). */
export function mergeRanges(ranges: readonly LeafRange[], size: number): LeafRange[] {
  const merged: { from: number; to: number }[] = []
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    const end = Math.min(to, size)
    if (end <= from) continue
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, end)
    else merged.push({ from, to: end })
  }
  return merged
}

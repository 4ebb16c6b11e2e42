// SPDX-License-Identifier: Apache-2.0

import { leafHash, type Step, siblingSpans, stepsOf } from '@sealwatch/ledger/verify'
import type { Shown, ShownLine } from './evidence.ts'
import type { Delegation, DrawnCheckpoint, RootLeaf } from './header.ts'
import { sha256 } from './sha256.ts'
import { rootOf } from './tree-nodes.ts'

/** The way of one line to the signatures: everything the picture shows, and no more than log n hashes of it. */
export type Proof = {
  readonly row: number
  readonly leaf: number
  readonly fileLine: number
  /** Hex, SHA-256(0x00 || line). */
  readonly leafHash: string
  readonly steps: readonly Step[]
  readonly tenant: DrawnCheckpoint
  readonly rootLeaf: ProvenRootLeaf
  readonly root: DrawnCheckpoint
  readonly delegation: (ProvenRootLeaf & Delegation) | undefined
}

export type ProvenRootLeaf = Pick<RootLeaf, 'index' | 'line'> & {
  readonly leafHash: string
  readonly steps: readonly Step[]
}

/**
 * Computes the path of a shown line from the bundle's own hashes. Each is hashed again on the way up: what is returned
 * leads from the line's bytes to the signed root, or this throws PROOF_INVALID.
 */
export async function proofOf(shown: Shown, { row, leaf, fileLine, bytes }: ShownLine): Promise<Proof> {
  const { tenant, root, rootLeaf, delegation } = shown.header
  const nodeAt = await shown.map.nodesFor(leaf, shown.read)
  const siblings = siblingSpans(leaf, tenant.size).map(({ span }) => rootOf(sha256, nodeAt, span.from, span.to))
  const hash = leafHash(sha256, bytes)
  const claim = { index: leaf, size: tenant.size, leaf: hash, root: Uint8Array.fromHex(tenant.root) }
  return {
    row,
    leaf,
    fileLine,
    leafHash: hash.toHex(),
    steps: stepsOf(sha256, claim, siblings, shown.gaps),
    tenant,
    rootLeaf: provenIn(root, rootLeaf),
    root,
    delegation: delegation && { ...delegation, ...provenIn(root, delegation) },
  }
}

function provenIn(root: DrawnCheckpoint, { index, line, proof }: RootLeaf): ProvenRootLeaf {
  const { size } = root
  const hash = leafHash(sha256, new TextEncoder().encode(line))
  const claim = { index, size, leaf: hash, root: Uint8Array.fromHex(root.root) }
  const siblings = proof.map((sibling) => Uint8Array.fromHex(sibling))
  return { index, line, leafHash: hash.toHex(), steps: stepsOf(sha256, claim, siblings, [{ from: 0, to: size }]) }
}

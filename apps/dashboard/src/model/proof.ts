// SPDX-License-Identifier: Apache-2.0
// How a line is proven, verified here before it is drawn.

import { canonicalize } from '@sealwatch/base/json'
import type { Operations } from '@sealwatch/contract/api'
import { leafHash, parseForeignCheckpoint, type Sha256, type Step, stepsOf } from '@sealwatch/ledger/verify'

export type Detail = Operations['getEvent']['answer']

/** The way from a leaf to the root of a tree. */
export type Path = {
  readonly origin: string
  readonly index: number
  readonly size: number
  readonly root: string
  readonly steps: readonly Step[]
}
export type Proven = {
  readonly tenant: Path
  /** From the tenant's head to the root checkpoint. */
  readonly root: Path | undefined
}

const utf8 = new TextEncoder()

/**
 * Undefined: no checkpoint covers the line yet. Throws where the line, its hash and the checkpoints do not belong together:
 * what is drawn has been computed here, from the line itself.
 */
export function provenBy(sha256: Sha256, { line, leaf_index: index, inclusion }: Detail): Proven | undefined {
  const leaf = leafHash(sha256, utf8.encode(canonicalize(line)))
  if (leaf.toHex() !== inclusion.leaf_hash) throw new Error('the line does not have the hash that the server names')
  const { published, checkpoint } = inclusion
  const head = published ?? checkpoint
  if (head === null) return undefined
  const claim = { index, size: head.size, leaf, root: Uint8Array.fromHex(head.root) }
  const steps = stepsOf(sha256, claim, hashes(head.path), [])
  const tenant = { index, size: head.size, root: head.root, steps }
  if (published === null)
    return { tenant: { ...tenant, origin: originOf(checkpoint?.note ?? '', head) }, root: undefined }
  return { tenant: { ...tenant, origin: headOf(published).origin }, root: rootPath(sha256, published) }
}

type Published = NonNullable<Detail['inclusion']['published']>

function rootPath(sha256: Sha256, { head, root_checkpoint: { note } }: Published): Path {
  const { origin, size, root } = checkpointIn(note)
  const claim = { index: head.leaf_index, size, leaf: leafHash(sha256, utf8.encode(head.line)), root }
  return {
    origin,
    index: head.leaf_index,
    size,
    root: root.toHex(),
    steps: stepsOf(sha256, claim, hashes(head.path), []),
  }
}

/** What the line of the root ledger says of the tenant must be what its tree is. */
function headOf({ head, size, root }: Published): { readonly origin: string } {
  const { tenant_head: told } = JSON.parse(head.line) as {
    readonly tenant_head?: { readonly origin: string; readonly size: number; readonly root: string }
  }
  if (told?.size !== size || told.root !== root) throw new Error('the root ledger names another head of the tenant')
  return told
}

function originOf(note: string, { size, root }: { readonly size: number; readonly root: string }): string {
  const told = checkpointIn(note)
  if (told.size !== size || told.root.toHex() !== root) throw new Error('the checkpoint is of another tree')
  return told.origin
}

const checkpointIn = (note: string) =>
  parseForeignCheckpoint(note.slice(0, note.indexOf('\n\n') + 1), 'reading a checkpoint')
const hashes = (path: readonly string[]) => path.map((hash) => Uint8Array.fromHex(hash))

// SPDX-License-Identifier: Apache-2.0

import { verifyEd25519 } from '@sealwatch/keys'
import type { Hash, NoteVerifier } from '@sealwatch/ledger'
import { openNote, parseForeignCheckpoint, sha256, verifyConsistency } from '@sealwatch/ledger'

/** The root ledger's head, signed by the log key. */
export type RootCheckpoint = { readonly size: number; readonly root: Hash; readonly note: string }

/**
 * A witness answered that it knows another tree of this log: this one was rolled back or copied, its key signs
 * elsewhere, or the witness lies.
 */
export type SplitViewFound = {
  readonly witness: string
  /** What it said: another root at our size, a larger tree than ours, or a tree that ours does not extend. */
  readonly kind: 'same_size' | 'larger' | 'not_extended'
  /** The size that the witness gave, where it gave one. */
  readonly theirSize: number | undefined
  readonly ours: string
  /** The checkpoint of the witness, if it showed one that our log key signed. */
  readonly theirs: string | undefined
  /** Our key signed both, and no tree has both roots: nobody needs to believe the witness. */
  readonly proven: boolean
}

/** Is `theirs` a checkpoint of this log, signed by its key, that no tree shares with ours? Undefined: it is none at all. */
export function contradicts(
  ours: RootCheckpoint,
  theirs: string,
  logKeys: readonly NoteVerifier[],
  consistency: (oldSize: number, newSize: number) => Hash[],
): boolean | undefined {
  try {
    const attempted = 'reading the checkpoint that a witness shows'
    const other = parseForeignCheckpoint(openNote(theirs, logKeys, verifyEd25519, attempted).text, attempted)
    if (other.origin !== ours.note.slice(0, ours.note.indexOf('\n'))) return undefined
    // Whoever signed a larger tree than we ever had signed it elsewhere.
    if (other.size > ours.size) return true
    return !extendsTree(ours, other, consistency)
  } catch {
    return undefined
  }
}

function extendsTree(
  ours: RootCheckpoint,
  other: { readonly size: number; readonly root: Hash },
  consistency: (oldSize: number, newSize: number) => Hash[],
): boolean {
  try {
    const claim = { oldSize: other.size, oldRoot: other.root, newSize: ours.size, newRoot: ours.root }
    verifyConsistency(sha256, claim, consistency(other.size, ours.size))
    return true
  } catch {
    return false
  }
}

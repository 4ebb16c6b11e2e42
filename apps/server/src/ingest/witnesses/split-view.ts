// SPDX-License-Identifier: Apache-2.0

import { verifyEd25519 } from '@sealwatch/keys'
import type { Hash, NoteVerifier } from '@sealwatch/ledger'
import {
  formatSignature,
  isBy,
  openNote,
  parseForeignCheckpoint,
  parseNote,
  sha256,
  verifyConsistency,
} from '@sealwatch/ledger'
import { checkpointCharsMax } from '@sealwatch/ledger/witness'

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

/** A checkpoint of this log by its own key, with the signatures of that key alone. */
export type Theirs = { readonly note: string; readonly contradicts: boolean }

/** Judges the checkpoint that a witness shows; undefined when our log key did not sign it, or not for this log. */
export function judgeTheirs(
  ours: RootCheckpoint,
  shown: string,
  logKeys: readonly NoteVerifier[],
  consistency: (oldSize: number, newSize: number) => Hash[],
): Theirs | undefined {
  const attempted = 'reading the checkpoint that a witness shows'
  try {
    const { text, signers } = openNote(shown, logKeys, verifyEd25519, attempted)
    const other = parseForeignCheckpoint(text, attempted)
    if (text.length > checkpointCharsMax || other.origin !== originOf(ours)) return undefined
    const { signatures } = parseNote(shown, attempted)
    const own = signatures.filter((signature) => signers.some((key) => isBy(key, signature)))
    const note = `${text}\n${own.map(formatSignature).join('')}`
    // Whoever signed a larger tree than we ever had signed it elsewhere.
    return { note, contradicts: other.size > ours.size || !extendsTree(ours, other, consistency) }
  } catch {
    return undefined
  }
}

export const originOf = ({ note }: RootCheckpoint): string => note.slice(0, note.indexOf('\n'))

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

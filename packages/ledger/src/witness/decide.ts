// SPDX-License-Identifier: Apache-2.0
// What a witness answers (C2SP tlog-witness, add-checkpoint): functions of state and request, and of nothing else.

import { isSealwatchError } from '@sealwatch/base'
import type { Checkpoint } from '../verify/checkpoint.ts'
import { equal, type Hash, type Sha256, verifyConsistency } from '../verify/merkle.ts'
import { formatSignature, isBy, type NoteVerifier, openNote, parseNote, type VerifyEd25519 } from '../verify/note.ts'
import type { SplitView } from '../verify/split-view.ts'
import type { ReadSubmission } from './request.ts'

/** A log that the witness follows: any of its keys speaks for it. */
export type WitnessedLog = {
  readonly origin: string
  readonly keys: readonly NoteVerifier[]
  readonly vkeys: readonly string[]
}

/** The largest tree of a log that the witness cosigned. */
export type LastCosigned = {
  readonly size: number
  readonly root: Hash
  /** The checkpoint with the signatures of the log; undefined before the first. */
  readonly note: string | undefined
  /** Unix seconds. */
  readonly timeS: number
}

/** A submission that the log itself signed. `note` has the log's signatures alone: nothing of a stranger's is kept. */
export type Authentic = {
  readonly log: WitnessedLog
  readonly checkpoint: Checkpoint
  readonly text: string
  readonly note: string
  readonly oldSize: number
  readonly proof: readonly Hash[]
}

export type Decision =
  | { readonly kind: 'cosign' }
  | { readonly kind: 'bad_request'; readonly reason: string }
  /** The old size is not that of the last tree, or the roots of one size differ. */
  | { readonly kind: 'conflict'; readonly size: number; readonly contradiction: SplitView | undefined }
  | { readonly kind: 'bad_proof'; readonly contradiction: SplitView | undefined }

export const nothingCosigned = (sha256: Sha256): LastCosigned => ({
  size: 0,
  root: sha256(new Uint8Array(0)),
  note: undefined,
  timeS: 0,
})

/** Undefined when none of the log's keys signed it, or one of them did so wrongly. */
export function authenticate(
  log: WitnessedLog,
  submission: ReadSubmission,
  verify: VerifyEd25519,
): Authentic | undefined {
  const attempted = `reading a checkpoint of ${log.origin}`
  try {
    const { text, signers } = openNote(submission.note, log.keys, verify, attempted)
    const kept = new Map<NoteVerifier, string>()
    for (const signature of parseNote(submission.note, attempted).signatures) {
      const signer = signers.find((key) => isBy(key, signature))
      if (signer !== undefined && !kept.has(signer)) kept.set(signer, formatSignature(signature))
    }
    const { checkpoint, oldSize, proof } = submission
    return { log, checkpoint, text, note: `${text}\n${[...kept.values()].join('')}`, oldSize, proof }
  } catch (error) {
    if (isSealwatchError(error, 'NOTE_UNVERIFIED')) return undefined
    throw error
  }
}

export function decide(sha256: Sha256, last: LastCosigned, submission: Authentic): Decision {
  const { checkpoint, oldSize, proof, note, log } = submission
  const { size, root } = checkpoint
  if (oldSize > size) return { kind: 'bad_request', reason: `an old size of ${oldSize} above the size of ${size}` }
  const contradiction = (): SplitView | undefined =>
    last.note === undefined ? undefined : { first: last.note, second: note, proof, logKeys: log.vkeys }
  // Two roots for one size are told apart whatever old size came with them.
  if (size === last.size && !equal(root, last.root))
    return { kind: 'conflict', size: last.size, contradiction: contradiction() }
  if (oldSize !== last.size) return { kind: 'conflict', size: last.size, contradiction: undefined }
  try {
    verifyConsistency(sha256, { oldSize, oldRoot: last.root, newSize: size, newRoot: root }, proof)
    return { kind: 'cosign' }
  } catch (error) {
    if (!isSealwatchError(error, 'PROOF_INVALID')) throw error
    // Surplus hashes beside one and the same tree, or beside an empty one, contradict nothing.
    const isOther = size > last.size && last.size > 0
    return { kind: 'bad_proof', contradiction: isOther ? contradiction() : undefined }
  }
}

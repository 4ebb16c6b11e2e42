// SPDX-License-Identifier: Apache-2.0

import { decodeBase64 } from '@sealwatch/base/base64'
import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import { canonicalize, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import { type Checkpoint, parseForeignCheckpoint } from './checkpoint.ts'
import { equal, type Hash, rootsByConsistency, type Sha256 } from './merkle.ts'
import { formatVkey, type NoteVerifier, openNote, parseVkey, type VerifyEd25519 } from './note.ts'

export const splitViewErrors = {
  SPLIT_VIEW_MALFORMED: {
    kind: 'invalid',
    rule: 'evidence of a split view is two checkpoints of one log, its keys, and a proof (witness.md, 5)',
    advice: 'Take the file from the witness again: sealwatch witness evidence ID',
  },
  SPLIT_VIEW_NONE: {
    kind: 'unverified',
    rule: 'no tree has both of the checkpoints that are evidence of a split view (witness.md, 5)',
    advice: 'These two checkpoints do not contradict each other: the file proves nothing against the log',
  },
} as const satisfies ErrorTable
const splitViewError = errorsOf(splitViewErrors)

/** Two checkpoints of one log that seem to contradict each other; anybody can judge them with the log's keys. */
export type SplitView = {
  readonly first: string
  /** Of a tree at least as large. */
  readonly second: string
  /** What was said to lead from the first to the second. */
  readonly proof: readonly Hash[]
  /** Verifier keys of the log. */
  readonly logKeys: readonly string[]
}

export type SplitViewReport = {
  readonly origin: string
  readonly sizes: readonly [number, number]
  readonly roots: readonly [string, string]
  /** The log's keys that signed the first, and the second: vkeys. */
  readonly signedBy: readonly [readonly string[], readonly string[]]
  /**
   * `same_size`: two roots for one size. `other_prefix`: the proof leads to the second root from another first one.
   * `unproven`: the proof that was given leads to neither, which shows nothing by itself; the log must give a better one.
   */
  readonly kind: 'same_size' | 'other_prefix' | 'unproven'
  readonly proven: boolean
}

/** Judges evidence from the log's keys alone: `trust`, or where it is empty those that the evidence names. */
export function judgeSplitView(
  { sha256, verify }: { readonly sha256: Sha256; readonly verify: VerifyEd25519 },
  { first, second, proof, logKeys }: SplitView,
  trust: readonly string[] = [],
): SplitViewReport {
  const attempted = 'judging two checkpoints of one log'
  const keys = (trust.length > 0 ? trust : logKeys).map((vkey) => parseVkey(sha256, vkey))
  const open = (note: string): { checkpoint: Checkpoint; signers: readonly NoteVerifier[] } => {
    const { text, signers } = openNote(note, keys, verify, attempted)
    return { checkpoint: parseForeignCheckpoint(text, attempted), signers }
  }
  const [older, newer] = [open(first), open(second)]
  const { origin } = older.checkpoint
  if (newer.checkpoint.origin !== origin)
    throw splitViewError('SPLIT_VIEW_MALFORMED', {
      attempted,
      received: `checkpoints of ${origin} and ${newer.checkpoint.origin}`,
    })
  const kind = kindOf(sha256, older.checkpoint, newer.checkpoint, proof)
  if (kind === undefined)
    throw splitViewError('SPLIT_VIEW_NONE', { attempted, received: 'the second, which extends the first' })
  return {
    origin,
    sizes: [older.checkpoint.size, newer.checkpoint.size],
    roots: [older.checkpoint.root.toBase64(), newer.checkpoint.root.toBase64()],
    signedBy: [older.signers.map((key) => formatVkey(key)), newer.signers.map((key) => formatVkey(key))],
    kind,
    proven: kind !== 'unproven',
  }
}

function kindOf(sha256: Sha256, older: Checkpoint, newer: Checkpoint, proof: readonly Hash[]) {
  if (older.size === newer.size) return equal(older.root, newer.root) ? undefined : 'same_size'
  if (older.size > newer.size || older.size === 0) return undefined
  const roots = rootsByConsistency(sha256, { oldSize: older.size, newSize: newer.size, oldRoot: older.root }, proof)
  if (typeof roots === 'string' || !equal(roots.newRoot, newer.root)) return 'unproven'
  return equal(roots.oldRoot, older.root) ? undefined : 'other_prefix'
}

/** One canonical JSON object, ended by a newline; `seenAt` is RFC 3339. */
export function formatSplitView({ first, second, proof, logKeys }: SplitView, seenAt: string): string {
  const hashes = proof.map((hash) => hash.toBase64())
  return `${canonicalize({ split_view: { first, log_keys: [...logKeys], proof: hashes, second, seen_at: seenAt, v: 1 } })}\n`
}

/** Throws SPLIT_VIEW_MALFORMED, or the JSON's own error. */
export function parseSplitView(text: string, attempted: string): SplitView & { readonly seenAt: string } {
  const wrong = (received: string) => splitViewError('SPLIT_VIEW_MALFORMED', { attempted, received })
  if (!text.endsWith('\n')) throw wrong('a file without its end')
  const { split_view: body, ...others } = (parseCanonical(text.slice(0, -1), attempted) ?? {}) as JsonObject
  if (typeof body !== 'object' || body === null || Object.keys(others).length > 0) throw wrong(text)
  const { first, second, proof, log_keys: logKeys, seen_at: seenAt, v, ...more } = body as JsonObject
  const isFormed =
    typeof first === 'string' &&
    typeof second === 'string' &&
    typeof seenAt === 'string' &&
    v === 1 &&
    Object.keys(more).length === 0
  if (!isFormed || !isTexts(proof) || !isTexts(logKeys)) throw wrong(Object.keys(body).join(', '))
  const hashes = proof.map((hash) => decodeBase64(hash) ?? new Uint8Array(0))
  if (hashes.length > proofHashesMax || hashes.some(({ length }) => length !== 32))
    throw wrong('a proof of another form')
  return { first, second, proof: hashes, logKeys, seenAt }
}

export const proofHashesMax = 63

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= proofHashesMax && value.every((item) => typeof item === 'string')

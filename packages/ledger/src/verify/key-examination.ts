// SPDX-License-Identifier: Apache-2.0
// Everything that one key of a service ever signed, verified again (docs/formats/key-report.md, 2).

import { canonicalize } from '@sealwatch/base/json'
import {
  createRanges,
  type ExaminedKey,
  type FindingsOf,
  type KeyVerdict,
  keyVerdicts,
  type Ranges,
} from './key-findings.ts'
import type { ParsedLine, RegistryChange, Submission } from './line.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'
import { createSubmissionWalk, isSignedBy, type VerifyRsa } from './submission.ts'

/** Submissions of one verdict. Where there would be too many ranges, lines of others lie between them, of all verdicts. */
export type KeyRange = {
  readonly verdict: KeyVerdict
  /** Leaves [first_leaf, next_leaf): rows and their submissions. */
  readonly first_leaf: number
  readonly next_leaf: number
  readonly submissions: number
  readonly rows: number
  /** When the first and the last of them were received, by the server's clock. */
  readonly first_received: string
  readonly last_received: string
}

export type KeyCount = { readonly submissions: number; readonly rows: number }

export type KeyFindings = FindingsOf<KeyCount, KeyRange>

export type KeyExamination = {
  /** The lines of the ledger that are about services, in their order; others may be left out. Throws CHAIN_BROKEN. */
  take(parsed: Pick<ParsedLine, 'line'>, leaf: number, attempted: string): void
  /** `size`: how many leaves there were. */
  findings(size: number): KeyFindings
}

/** Where the members behind `prev` begin in a line of version 3 (line.md, 1: canonical JSON). */
const bodyAt = 128
const bytesOf = (text: string) => new TextEncoder().encode(text)
const named = ['"registry":{', '"row":{'].map(bytesOf)
const seq = bytesOf('"seq":')
const submission = bytesOf('"submission":{')

/** Whether a line may matter to an examination, by its first bytes. */
export function isOfServices(line: Uint8Array): boolean {
  if (named.some((name) => startsAt(line, bodyAt, name))) return true
  if (!startsAt(line, bodyAt, seq)) return false
  const comma = line.indexOf(0x2c, bodyAt)
  return comma > 0 && startsAt(line, comma + 1, submission)
}

const startsAt = (line: Uint8Array, at: number, name: Uint8Array) => name.every((byte, i) => line[at + i] === byte)

export function createKeyExamination(options: {
  readonly sha256: Sha256
  readonly verify: VerifyEd25519
  readonly verifyRsa: VerifyRsa
  readonly key: ExaminedKey
}): KeyExamination {
  const { sha256, key } = options
  const counts = Object.fromEntries(keyVerdicts.map((name) => [name, { submissions: 0, rows: 0 }])) as Record<
    KeyVerdict,
    { submissions: number; rows: number }
  >
  // From then on somebody else may have signed; what came after the revocation should not be there at all.
  const ends = [key.compromised_since, key.revoked_at].filter((time) => time !== null).toSorted()
  const suspectFrom = ends[0]
  let registered: RegistryChange | undefined
  const ranges = Object.fromEntries(keyVerdicts.map((name) => [name, createRanges(both)])) as Record<
    KeyVerdict,
    Ranges<KeyRange>
  >
  let listing = new Uint8Array(32)
  let at = 0

  function verdictOf(submission: Submission, payload: Uint8Array): KeyVerdict {
    if (submission.mark !== null) return 'unvouched'
    if (registered === undefined || isSignedBy(registered, submission, payload, options) !== true) return 'invalid'
    return suspectFrom !== undefined && submission.received_at >= suspectFrom ? 'suspect' : 'sound'
  }

  const walk = createSubmissionWalk(sha256, (submission, payload) => {
    if (submission.producer !== key.producer || submission.key_id !== key.key_id) return
    const verdict = verdictOf(submission, payload)
    const { rows, received_at, id, digest } = submission
    counts[verdict].submissions += 1
    counts[verdict].rows += rows
    const link = canonicalize([listing.toHex(), at, id, digest, verdict])
    listing = new Uint8Array(sha256(new TextEncoder().encode(link)))
    const times = { first_received: received_at, last_received: received_at }
    ranges[verdict].add({ verdict, first_leaf: at - rows, next_leaf: at + 1, submissions: 1, rows, ...times })
  })

  return {
    take({ line }, leaf, attempted) {
      at = leaf
      if ('registry' in line) {
        const { producer, producer_kind, key_id } = line.registry
        if (producer_kind === 'service' && producer === key.producer && key_id === key.key_id)
          registered = line.registry
        return
      }
      if ('row' in line || 'submission' in line) walk.take(line, attempted)
    },
    findings: (size) => ({
      size,
      counts: structuredClone(counts),
      ranges: keyVerdicts.flatMap((name) => ranges[name].all()),
      listing: listing.toHex(),
    }),
  }
}

const both = (one: KeyRange, other: KeyRange): KeyRange => ({
  ...one,
  next_leaf: other.next_leaf,
  submissions: one.submissions + other.submissions,
  rows: one.rows + other.rows,
  first_received: [one.first_received, other.first_received].toSorted()[0] as string,
  last_received: [one.last_received, other.last_received].toSorted()[1] as string,
})

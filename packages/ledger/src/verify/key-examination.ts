// SPDX-License-Identifier: Apache-2.0
// Everything that one key of a service ever signed, verified again (docs/formats/key-report.md, 2).

import { canonicalize } from '@sealwatch/base/json'
import type { Line, RegistryChange, Submission } from './line.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'
import { createSubmissionWalk, isSignedBy, type VerifyRsa } from './submission.ts'

/** In the order in which they are told: what can be relied on, and what cannot, and why. */
export const keyVerdicts = ['sound', 'suspect', 'unvouched', 'invalid'] as const
export type KeyVerdict = (typeof keyVerdicts)[number]

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

/** What a ledger holds of a key. The same of the same leaves, whoever counts. */
export type KeyFindings = {
  /** Leaves that were looked at, from the first on. */
  readonly size: number
  readonly counts: Readonly<Record<KeyVerdict, KeyCount>>
  readonly ranges: readonly KeyRange[]
  /** Hex SHA-256 over the links of all that is counted (2.4). */
  readonly listing: string
}

export type ExaminedKey = {
  readonly producer: string
  readonly key_id: string
  /** RFC 3339; null: not at all. */
  readonly revoked_at: string | null
  readonly compromised_since: string | null
}

export type KeyExamination = {
  /** The lines of the ledger that are about services, in their order; others may be left out. Throws CHAIN_BROKEN. */
  take(line: Line, leaf: number, attempted: string): void
  /** `size`: how many leaves there were. */
  findings(size: number): KeyFindings
}

/** Of each verdict. */
export const keyRangesMax = 32

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
  const ranges = Object.fromEntries(keyVerdicts.map((name) => [name, createRanges()])) as Record<KeyVerdict, Ranges>
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
    take(line, leaf, attempted) {
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

type Ranges = { add(range: KeyRange): void; all(): readonly KeyRange[] }

/** Those that follow one another are one; where there are too many, so are the two with the fewest leaves between them. */
function createRanges(): Ranges {
  const found: KeyRange[] = []
  const gapBefore = (i: number) => (found[i] as KeyRange).first_leaf - (found[i - 1] as KeyRange).next_leaf
  const join = (i: number) => found.splice(i - 1, 2, both(found[i - 1] as KeyRange, found[i] as KeyRange))

  return {
    all: () => found,
    add: (range) => {
      found.push(range)
      const last = found.length - 1
      if (last > 0 && gapBefore(last) === 0) join(last)
      if (found.length <= keyRangesMax) return
      let nearest = 1
      for (let i = 2; i < found.length; i += 1) if (gapBefore(i) < gapBefore(nearest)) nearest = i
      join(nearest)
    },
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

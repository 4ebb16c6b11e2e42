// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import { type JsonObject, parseCanonical } from '@sealwatch/base/json'
import type { DsseEnvelope } from '@sealwatch/keys/dsse'
import { readEventLine } from './event-line.ts'
import { lineBytesMax } from './event-row.ts'
import { kindOf, noteCharsMax } from './line-form.ts'
import { type Hash, leafHash, type Sha256 } from './merkle.ts'

export const lineErrors = {
  LINE_TOO_LONG: {
    kind: 'invalid',
    rule: 'a line is at most 65,535 bytes (line.md, 1.2)',
    advice: 'Store the payload as a blob and name it by its hash',
  },
  LINE_MALFORMED: {
    kind: 'invalid',
    rule: 'a line is a canonical JSON object with exactly the members of its envelope (line.md, 2)',
    advice: 'Take the line as its producer sealed it',
  },
} as const satisfies ErrorTable
const lineError = errorsOf(lineErrors)

export { lineBytesMax, noteCharsMax }
export const noHash = '0'.repeat(64)

export type Anchor = {
  readonly tenant: string
  /** Who seals the chain: a host's signing key, or null for a ledger's own chain, which the checkpoint signs. */
  readonly key_id: string | null
  /** The ledger's origin on its own chain, else null. */
  readonly origin: string | null
  readonly prev_file: string | null
  readonly prev_last_hash: string | null
  readonly prev_sequence_num: number | null
  /**
   * In version 2 always, of the epoch that the line stands in: its raw public key, hex; the number of its first line;
   * what the close before it said to be acknowledged. So a file tells where it stands without those before it.
   */
  readonly epoch_key?: string
  readonly epoch_first_seq?: number
  readonly epoch_acknowledged?: number
}
/** Ends an epoch: what was sealed up to the head behind it can be altered by nobody who comes later (chain.md, 5). */
export type Close = {
  /** Raw public key, hex, of the next epoch. */
  readonly next_key: string
  readonly first_seq: number
  /** Lines of the epoch before this one. */
  readonly lines: number
  readonly acknowledged: {
    /** The server has said that it has every line before this one. */
    readonly next_seq: number
    /** The tenant's newest signed checkpoint that the host was told of. */
    readonly checkpoint: string | null
  }
}
export type Head = { readonly note: string; readonly sensor?: JsonObject }
export type KeyRecord = {
  readonly algorithm: 'ed25519'
  readonly host_id: string
  readonly key_id: string
  /** Raw, hex. */
  readonly public_key: string
  readonly valid_from: string
  readonly valid_until: string | null
}
/** A key of a producer as it stands after a change. Times are RFC 3339 in UTC. */
export type RegistryChange = {
  readonly change: 'added' | 'window' | 'state' | 'revoked' | 'withdrawn'
  readonly changed_at: string
  /** A host's id, or a service's name. */
  readonly producer: string
  readonly producer_kind: 'host' | 'service'
  readonly key_id: string
  readonly algorithm: 'ed25519' | 'rsa-sha256'
  /** Hex: raw for ed25519, the SubjectPublicKeyInfo (DER) for rsa-sha256. */
  readonly public_key: string
  readonly valid_from: string
  readonly valid_until: string | null
  readonly revoked_at: string | null
  readonly cause: string | null
  /** From then on somebody else may have signed under it. */
  readonly compromised_since: string | null
  readonly state: 'candidate' | 'staged' | 'active'
  readonly source: 'enrolment' | 'api' | 'file'
}
export type Stub = {
  readonly chain: string
  readonly first_seq: number
  readonly next_seq: number
  readonly reason: string
  /** Hex SHA-256 of the quarantined bytes. */
  readonly item: string
  /** In version 3: the version of the key registry by which they were judged. */
  readonly registry?: number
}
/** Quarantined lines follow, out of their chain's turn (stub.md, 5). */
export type Replay = {
  readonly chain: string
  readonly first_seq: number
  readonly next_seq: number
  readonly item: string
  /** Where the stub stands that they fill. */
  readonly stub_leaf: number
  /** The version of the key registry by which they were judged now. */
  readonly registry: number
  /** Only `verified` ones have a valid signature. */
  readonly how: 'verified' | 'released' | 'non_strict'
  /** Of the stub. */
  readonly reason: string
}
/** One row of a service, its exact bytes as text; `submission` is behind the last of them (submission.md, 6). */
export type Row = {
  readonly producer: string
  readonly submission: string
  /** Its number in the submission, from 0. */
  readonly n: number
  readonly text: string
  readonly key_id: string
  /** Leaf of the last line about keys that it was judged by. */
  readonly registry: number
  /** Why it counts as unverified; null: it was verified. */
  readonly mark: string | null
}
export type Submission = Pick<Row, 'producer' | 'key_id' | 'registry' | 'mark'> & {
  readonly id: string
  readonly form: 'detached' | 'dsse'
  readonly payload_type: string
  readonly algorithm: 'ed25519' | 'rsa-sha256'
  /** Base64. */
  readonly signature: string
  readonly rows: number
  /** Hex SHA-256 of the payload: the texts of the rows, as submission.md, 2 says. */
  readonly digest: string
  readonly received_at: string
}
/** In the place of a submission that went to quarantine. */
export type SubmissionStub = Pick<Submission, 'producer' | 'id' | 'rows' | 'digest' | 'registry' | 'received_at'> &
  Pick<Stub, 'reason' | 'item'>
/** The rows of a quarantined submission follow, and itself (submission.md, 8). */
export type SubmissionReplay = Pick<SubmissionStub, 'producer' | 'id' | 'rows' | 'item'> &
  Pick<Replay, 'stub_leaf' | 'registry' | 'how' | 'reason'>
export type TenantHead = {
  readonly label: string
  readonly origin: string
  readonly size: number
  readonly root: string
  /** Of the tenant's head before this one, 0 at the first; with `proof`, hex, that the tree of then was only extended. */
  readonly prev_size?: number
  readonly proof?: readonly string[]
}

export type Body =
  | { readonly anchor: Anchor }
  | { readonly close: Close }
  | { readonly delegation: DsseEnvelope }
  | { readonly event: JsonObject }
  | { readonly head: Head }
  | { readonly key: KeyRecord }
  | { readonly registry: RegistryChange }
  | { readonly row: Row }
  | { readonly replay: Replay }
  | { readonly stub: Stub }
  | { readonly submission: Submission }
  | { readonly submission_replay: SubmissionReplay }
  | { readonly submission_stub: SubmissionStub }
  | { readonly tenant_head: TenantHead }

export type Envelope = {
  readonly chain: string
  /** 0 in versions 1 and 3, which have no epochs. */
  readonly epoch: number
  readonly prev: string
  readonly seq: number
  /** RFC 3339 UTC with nanoseconds. */
  readonly time: string
  readonly v: 1 | 2 | 3
}
export type Line = Envelope & Body

/** A line that was parsed strictly, with the bytes it came as (no newline) and their leaf hash. */
export type ParsedLine = {
  readonly kind: string
  readonly chain: string
  readonly seq: number
  /** null in versions 1 and 3, which have no epochs. */
  readonly epoch: number | null
  /** Built at the first look, from bytes that must not change until then. */
  readonly line: Line
  readonly bytes: Uint8Array
  /** Of the bytes. */
  readonly length: number
  readonly hash: Hash
  /** Is this an event, directly after `before` in its chain? What it is not has to be looked at more closely. */
  follows(before: ParsedLine): boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** `hash`: that of the bytes, where the caller has it already. */
export function parseLine(
  sha256: Sha256,
  bytes: Uint8Array,
  attempted: string,
  hash: Hash = leafHash(sha256, bytes),
): ParsedLine {
  if (bytes.length > lineBytesMax) throw lineError('LINE_TOO_LONG', { attempted, received: `${bytes.length} bytes` })
  const event = readEventLine(bytes, 0, undefined)
  if (event === undefined || event.to !== bytes.length) return parseWhole(bytes, attempted, hash)
  event.hash = hash
  return event
}

function parseWhole(bytes: Uint8Array, attempted: string, hash: Hash): ParsedLine {
  const { line, kind } = parseEnvelope(decode(bytes, attempted), attempted)
  const epoch = line.v === 2 ? line.epoch : null
  return {
    kind,
    chain: line.chain,
    seq: line.seq,
    epoch,
    line,
    bytes,
    length: bytes.length,
    hash,
    follows: () => false,
  }
}

function decode(bytes: Uint8Array, attempted: string): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw lineError('LINE_MALFORMED', { attempted, received: 'bytes that are not UTF-8', cause })
  }
}

function parseEnvelope(text: string, attempted: string): { line: Line; kind: string } {
  const value = parseCanonical(text, attempted)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const found = isObject ? kindOf(value as JsonObject) : { fault: 'a value that is no object' }
  if ('fault' in found) throw lineError('LINE_MALFORMED', { attempted, received: found.fault })
  return { line: value as unknown as Line, kind: found.kind }
}

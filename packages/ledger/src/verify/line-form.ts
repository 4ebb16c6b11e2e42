// SPDX-License-Identifier: Apache-2.0
// The members of a line and of its bodies, each in its form (line.md, 2 and 3).

import { decodeBase64 } from '@sealwatch/base/base64'
import type { Json, JsonObject } from '@sealwatch/base/json'
import {
  faultOf,
  isCount,
  isHex,
  isObject,
  isOf,
  isOneOf,
  isPrintable,
  isSlug,
  isString,
  isText,
  isTime,
  optional,
  orNull,
  type Shape,
} from './shape.ts'

/** Of a note that stands in a line. */
export const noteCharsMax = 4096

/** Hex of the largest RSA key that is taken, 8,192 bits, in its SubjectPublicKeyInfo. */
const publicKeyCharsMax = 2124

/** Base64, of the largest RSA key that is taken. */
const signatureCharsMax = 1368

const envelopeMembers = ['chain', 'epoch', 'prev', 'seq', 'time', 'v']

const isProof = (value: Json | undefined) => Array.isArray(value) && value.length <= 64 && value.every(isHex(64))
const isBase64 = (value: Json | undefined) =>
  typeof value === 'string' && value.length <= signatureCharsMax && decodeBase64(value) !== undefined
const isPublicKey = (value: Json | undefined) =>
  typeof value === 'string' && value.length <= publicKeyCharsMax && /^(?:[0-9a-f]{2}){32,}$/.test(value)
const isNote = (value: Json | undefined) =>
  typeof value === 'string' && value.length > 0 && value.length <= noteCharsMax

const envelope = { chain: isHex(32), prev: isHex(64), seq: isCount, time: isTime }
const anchor = {
  key_id: orNull(isHex(64)),
  origin: orNull(isText),
  prev_file: orNull(isText),
  prev_last_hash: orNull(isHex(64)),
  prev_sequence_num: orNull(isCount),
  tenant: isText,
}
const head = { note: isNote, sensor: optional(isObject) }
const how = isOneOf(['verified', 'released', 'non_strict'])
const stub = { chain: isHex(32), first_seq: isCount, item: isHex(64), next_seq: isCount, reason: isText }

type Version = { readonly envelope: Shape; readonly bodies: Readonly<Record<string, Shape | null>> }

/** What ledgers write, and hosts wrote before there were epochs. */
const version1: Version = {
  envelope: { ...envelope, epoch: (value) => value === 0, v: (value) => value === 1 },
  bodies: {
    anchor,
    // Its payload is read by openDelegation, where a key to judge it by is known.
    delegation: { payload: isString, payloadType: isText, signatures: Array.isArray },
    // Any object: what an event must hold is the vocabulary's matter (event.md), not the chain's.
    event: null,
    head,
    key: {
      algorithm: (value) => value === 'ed25519',
      host_id: isText,
      key_id: isHex(64),
      public_key: isHex(64),
      valid_from: isTime,
      valid_until: orNull(isTime),
    },
    stub,
    tenant_head: {
      label: isHex(32),
      origin: isText,
      prev_size: optional(isCount),
      proof: optional(isProof),
      root: isHex(64),
      size: isCount,
    },
  },
}

/** What hosts write. */
const version2: Version = {
  envelope: { ...envelope, epoch: isCount, v: (value) => value === 2 },
  bodies: {
    anchor: {
      ...anchor,
      epoch_acknowledged: isCount,
      epoch_first_seq: isCount,
      epoch_key: isHex(64),
      key_id: isHex(64),
      origin: (value) => value === null,
    },
    close: {
      acknowledged: isOf({ checkpoint: orNull(isNote), next_seq: isCount }),
      first_seq: isCount,
      lines: isCount,
      next_key: isHex(64),
    },
    event: null,
    head,
  },
}

/** What stands in every line about a submission (submission.md, 6). */
const ofSubmission = { producer: isSlug, registry: isCount }

/** What ledgers write since they hold more than hosts' lines. */
const version3: Version = {
  envelope: { ...envelope, epoch: (value) => value === 0, v: (value) => value === 3 },
  bodies: {
    registry: {
      algorithm: isOneOf(['ed25519', 'rsa-sha256']),
      cause: orNull(isText),
      change: isOneOf(['added', 'window', 'state', 'revoked', 'withdrawn']),
      changed_at: isTime,
      compromised_since: orNull(isTime),
      key_id: isPrintable,
      producer: isText,
      producer_kind: isOneOf(['host', 'service']),
      public_key: isPublicKey,
      revoked_at: orNull(isTime),
      source: isOneOf(['enrolment', 'api', 'file']),
      state: isOneOf(['candidate', 'staged', 'active']),
      valid_from: isTime,
      valid_until: orNull(isTime),
    },
    replay: {
      chain: isHex(32),
      first_seq: isCount,
      how,
      item: isHex(64),
      next_seq: isCount,
      reason: isText,
      registry: isCount,
      stub_leaf: isCount,
    },
    row: {
      ...ofSubmission,
      key_id: isPrintable,
      mark: orNull(isText),
      n: isCount,
      submission: isPrintable,
      text: isString,
    },
    stub: { ...stub, registry: isCount },
    submission: {
      ...ofSubmission,
      algorithm: isOneOf(['ed25519', 'rsa-sha256']),
      digest: isHex(64),
      form: isOneOf(['detached', 'dsse']),
      id: isPrintable,
      key_id: isPrintable,
      mark: orNull(isText),
      payload_type: isText,
      received_at: isTime,
      rows: isCount,
      signature: isBase64,
    },
    submission_replay: {
      ...ofSubmission,
      how,
      id: isPrintable,
      item: isHex(64),
      reason: isText,
      rows: isCount,
      stub_leaf: isCount,
    },
    submission_stub: {
      ...ofSubmission,
      digest: isHex(64),
      id: isPrintable,
      item: isHex(64),
      reason: isText,
      received_at: isTime,
      rows: isCount,
    },
  },
}

const versions = [version1, version2, version3]
/** The version that a ledger writes a line with such a body in. */
export function ownVersionOf(body: object): 1 | 3 {
  if ('event' in body) return 1
  const [kind = '', value] = Object.entries(body)[0] ?? []
  return Object.hasOwn(version1.bodies, kind) && !(kind === 'stub' && 'registry' in value) ? 1 : 3
}

/** The kind of a line's body, or what is wrong with it. */
export function kindOf(line: JsonObject): { readonly kind: string } | { readonly fault: string } {
  const bodies = Object.keys(line).filter((member) => !envelopeMembers.includes(member))
  const kind = bodies[0]
  if (kind === undefined || bodies.length > 1) return { fault: `the bodies [${bodies.join(', ')}] where one is needed` }
  const version = versions.find((candidate) => candidate.envelope.v?.(line.v))
  if (version === undefined) return { fault: `version ${JSON.stringify(line.v)}` }
  const shape = Object.hasOwn(version.bodies, kind) ? version.bodies[kind] : undefined
  const body = line[kind]
  if (shape === undefined || !isObject(body)) return { fault: `a body ${kind}` }
  const member =
    faultOf(line, { ...version.envelope, [kind]: isObject }) ?? (shape && faultOf(body as JsonObject, shape))
  return member ? { fault: `a line whose member ${member} is missing, unknown or of another form` } : { kind }
}

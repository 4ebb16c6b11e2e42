// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import { type Json, type JsonObject, parseCanonical, startsWith } from '@sealwatch/base/json'
import { hashBytes } from './merkle.ts'

export const bundleErrors = {
  BUNDLE_MALFORMED: {
    kind: 'invalid',
    rule: 'a bundle is a header and then the whole tree from left to right, as lines or as hashes (bundle.md, 2)',
    advice: 'Export it again; a copy that was cut or edited cannot be repaired',
  },
  BUNDLE_ALTERED: {
    kind: 'unverified',
    rule: 'every line has the hash that the signed tree holds for it (bundle.md, 4)',
    advice: 'The line was changed, removed, added or moved after the export: ask for the original',
  },
  BUNDLE_UNTRUSTED: {
    kind: 'unverified',
    rule: 'the checkpoints are signed by a key that you trust (bundle.md, 5)',
    advice: 'Pass the right key with --trust; `sealwatch status` shows it on the machine of the control plane',
  },
  BUNDLE_UNWITNESSED: {
    kind: 'unverified',
    rule: 'as many witnesses as you ask for have cosigned the root checkpoint (bundle.md, 5.8)',
    advice: 'Export again once they have; if they never do, ask them what they know of this log',
  },
  CHECKPOINT_CONTRADICTED: {
    kind: 'unverified',
    rule: 'a ledger still holds, unaltered, all that a checkpoint saved earlier says (bundle.md, 4.7)',
    advice: 'One of the two is a lie or of another ledger: keep both, and ask the operator of the ledger',
  },
} as const satisfies ErrorTable
export const bundleError = errorsOf(bundleErrors)

const recordBytesMax = 1024 * 1024
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** One member, and an object in it. */
export type BundleRecord = { readonly [kind: string]: JsonObject }

export function parseRecord(bytes: Uint8Array, attempted: string): BundleRecord {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw bundleError('BUNDLE_MALFORMED', { attempted, received: 'bytes that are not UTF-8', cause })
  }
  const record = parseCanonical(text, attempted)
  const members = isObject(record) ? Object.values(record) : []
  if (members.length !== 1 || !isObject(members[0]))
    throw bundleError('BUNDLE_MALFORMED', { attempted, received: text })
  return record as BundleRecord
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const excerpt = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, 200))
export const hasOnly = (object: JsonObject, members: readonly string[]) =>
  Object.keys(object).length === members.length && members.every((member) => Object.hasOwn(object, member))
export const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
export const isHashes = (value: unknown): value is string[] =>
  isTexts(value) && value.every((item) => /^[0-9a-f]{64}$/.test(item))

/** A list of hashes, each 64 lower-case hexadecimal digits, as bytes one after the other; undefined for anything else. */
export function hashesFrom(value: unknown): Uint8Array | undefined {
  if (!isTexts(value) || value.some((hash) => hash.length !== hashDigits)) return undefined
  const digits = encoder.encode(value.join(''))
  const bytes = new Uint8Array(value.length * hashBytes)
  const isHex = digits.length === 2 * bytes.length && decodeHex(digits, 0, bytes, 0, bytes.length)
  return isHex ? bytes : undefined
}

/** False where one of the digits is none, or is upper-case. */
function decodeHex(digits: Uint8Array, from: number, into: Uint8Array, at: number, length: number): boolean {
  let seen = 0
  for (let i = 0; i < length; i += 1) {
    const byte =
      (highDigit[digits[from + 2 * i] as number] as number) | (hexDigit[digits[from + 2 * i + 1] as number] as number)
    into[at + i] = byte
    seen |= byte
  }
  return seen < 256
}

const hashDigits = 2 * hashBytes
const hexDigit = Int16Array.from({ length: 256 }, (_, byte) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(byte))
  return value < 0 ? 256 : value
})
const highDigit = hexDigit.map((value) => (value === 256 ? 256 : 16 * value))

/** What a `leaves` record says, and which bytes of its block it is, newline included. */
export type Leaves = {
  readonly at: number
  readonly to: number
  readonly from: number
  /** 32 bytes each. */
  readonly hashes: Uint8Array
  readonly revealed: number
}

const leavesPieces = {
  from: encoder.encode('{"leaves":{"from":'),
  hashes: encoder.encode(',"hashes":["'),
  comma: encoder.encode('","'),
  revealed: encoder.encode('"],"revealed":'),
  end: encoder.encode('}}\n'),
}

/** Reads such a record where it is plainly in order; all others are parseRecord's, which says what is wrong. */
export function readLeaves(block: Uint8Array, at: number): Leaves | undefined {
  const { from, hashes, comma, revealed, end } = leavesPieces
  if (!startsWith(block, at, from)) return undefined
  const first = countAt(block, at + from.length)
  if (first === undefined || !startsWith(block, first.to, hashes)) return undefined
  const hashesFrom = first.to + hashes.length
  let hashesTo = hashesFrom + hashDigits
  while (startsWith(block, hashesTo, comma)) hashesTo += comma.length + hashDigits
  const count = (hashesTo - hashesFrom + comma.length) / (hashDigits + comma.length)
  const last = startsWith(block, hashesTo, revealed) ? countAt(block, hashesTo + revealed.length) : undefined
  if (last === undefined || !startsWith(block, last.to, end)) return undefined
  const bytes = new Uint8Array(count * hashBytes)
  for (let i = 0; i < count; i += 1)
    if (!decodeHex(block, hashesFrom + i * (hashDigits + comma.length), bytes, i * hashBytes, hashBytes))
      return undefined
  return { at, to: last.to + end.length, from: first.value, hashes: bytes, revealed: last.value }
}

/** A whole number as canonical JSON writes it, and the byte after it. */
function countAt(bytes: Uint8Array, at: number): { value: number; to: number } | undefined {
  let [value, to] = [0, at]
  for (let byte = bytes[to] as number; byte >= zero && byte <= zero + 9; byte = bytes[to] as number) {
    value = 10 * value + byte - zero
    to += 1
  }
  const isCount = to > at && value <= Number.MAX_SAFE_INTEGER && (bytes[at] !== zero || to === at + 1)
  return isCount ? { value, to } : undefined
}

const zero = 0x30

/**
 * The file in blocks of whole records, each ended by its newline. A block begins with one byte of its own, for the frame
 * of the first record when that is hashed as a leaf. A chunk is not looked at again when the next is asked for.
 */
export async function* blocksOf(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: ((bytes: number) => void) | undefined,
  bytesMin = 0,
): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = []
  let bytes = 0
  // Of the record that is not whole yet.
  let rest = 0
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline) + 1
    pieces.push(chunk)
    bytes += chunk.length
    rest = end === 0 ? rest + chunk.length : chunk.length - end
    // What is whole before a record without end is judged first.
    if (bytes - rest > (rest > recordBytesMax ? 0 : bytesMin)) {
      const block = joined(pieces, bytes)
      // A block is its taker's: who reads it on another thread takes its memory along.
      pieces = [block.slice(block.length - rest)]
      bytes = rest
      yield block.subarray(0, block.length - rest)
    } else pieces[pieces.length - 1] = new Uint8Array(chunk)
    checkLength(rest)
    onBytes?.(chunk.length)
  }
  if (bytes > rest) yield joined(pieces, bytes).subarray(0, 1 + bytes - rest)
  if (rest > 0)
    throw bundleError('BUNDLE_MALFORMED', {
      attempted: 'reading the end of the bundle',
      received: 'a last record without its newline',
    })
}

export const newline = 0x0a

export function checkLength(bytes: number): void {
  if (bytes <= recordBytesMax) return
  throw bundleError('BUNDLE_MALFORMED', {
    attempted: 'reading the bundle',
    received: `a record of more than ${recordBytesMax} bytes`,
  })
}

/** One after the other, behind a byte of their own. */
function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const block = new Uint8Array(1 + bytes)
  let at = 1
  for (const piece of pieces) {
    block.set(piece, at)
    at += piece.length
  }
  return block
}

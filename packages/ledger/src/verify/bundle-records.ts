// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import { type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'

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

const hexDigits = '0123456789abcdef'
const hexValue = Int8Array.from({ length: 128 }, (_, code) => hexDigits.indexOf(String.fromCharCode(code)))

/** A list of hashes, each 64 lower-case hexadecimal digits, as bytes one after the other; undefined for anything else. */
export function hashesFrom(value: unknown): Uint8Array | undefined {
  if (!isTexts(value)) return undefined
  const bytes = new Uint8Array(value.length * 32)
  let at = 0
  for (const hash of value) {
    if (hash.length !== 64) return undefined
    for (let i = 0; i < 64; i += 2) {
      const high = hexValue[hash.charCodeAt(i)] ?? -1
      const low = hexValue[hash.charCodeAt(i + 1)] ?? -1
      if (high < 0 || low < 0) return undefined
      bytes[at++] = 16 * high + low
    }
  }
  return bytes
}

/**
 * The file in blocks of whole records, each ended by its newline. A block begins with one byte of its own, for the frame
 * of the first record when that is hashed as a leaf.
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
    }
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

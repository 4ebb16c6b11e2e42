// SPDX-License-Identifier: Apache-2.0

import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import type { RequestContext } from '../context.ts'
import { brotliBytes } from './brotli.ts'
import type { Findings } from './values.ts'

type Inflate = (bytes: Uint8Array, maxOutputLength: number) => Buffer
type Coding = {
  readonly inflate: Inflate
  /** Where that takes it for damaged: what some read all the same, without the sums at its ends; undefined: nobody does. */
  readonly leniently: (bytes: Buffer) => Uint8Array | undefined
  /** How long it is when it is inflated, where that must be known before. */
  readonly says?: (bytes: Buffer) => number | undefined
}
/** Of a body of which the beginning alone was handed over, what that holds. */
const finishFlush = constants.Z_SYNC_FLUSH
const inflateRaw: Inflate = (bytes, maxOutputLength) => inflateRawSync(bytes, { maxOutputLength, finishFlush })
const gzip: Coding = {
  inflate: (bytes, maxOutputLength) => gunzipSync(bytes, { maxOutputLength, finishFlush }),
  leniently: behindGzipHeader,
}
const codings: Readonly<Record<string, Coding>> = {
  gzip,
  'x-gzip': gzip,
  deflate: {
    inflate: (bytes, maxOutputLength) => inflateSync(bytes, { maxOutputLength, finishFlush }),
    // RFC 9110, 8.4.1.2: some send it without the format of zlib around it.
    leniently: (bytes) => (isZlib(bytes) ? bytes.subarray(2) : bytes),
  },
  br: {
    inflate: (bytes, maxOutputLength) =>
      brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
    leniently: () => undefined,
    says: brotliBytes,
  },
}

/** Within one another. */
const codingsMax = 2

/** A body as it was before it was compressed; as it came where that cannot be told, which is told. Of one that is too long, a beginning. */
export function inflated({ body, headers }: RequestContext, isParted: boolean, findings: Findings): Buffer {
  let bytes: Buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const applied = codingsOf(headers)
  for (const name of applied.toReversed()) {
    const coding = applied.length <= codingsMax && Object.hasOwn(codings, name) ? codings[name] : undefined
    const { text, isSound } = coding === undefined ? unread : undone(bytes, coding, findings)
    if (!isSound) {
      findings.signal('compressed', 'REQUEST_BODY')
      if (isParted) unseen(findings)
    }
    if (text === undefined) break
    bytes = text
  }
  return bytes
}

type Undone = { readonly text: Buffer | undefined; readonly isSound: boolean }
const unread: Undone = { text: undefined, isSound: false }

/** In the order in which they were applied (RFC 9110, 8.4). */
const codingsOf = (headers: RequestContext['headers']): readonly string[] =>
  headers
    .filter(([name]) => name.length === 16 && name.toLowerCase() === 'content-encoding')
    .flatMap(([, value]) => value.slice(0, 256).toLowerCase().split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')

function undone(bytes: Buffer, { inflate, leniently, says }: Coding, findings: Findings): Undone {
  const { inflateInputBytesMax, inflatedBytesMax } = findings.limits
  const said = says?.(bytes) ?? 0
  if (said > inflatedBytesMax) {
    if (said / bytes.length >= bombRatio) findings.signal('bomb', 'REQUEST_BODY')
    return unread
  }
  const begun = tried(inflate, bytes.subarray(0, inflateInputBytesMax), inflatedBytesMax)
  if (begun === 'damaged') {
    const rest = leniently(bytes.subarray(0, inflateInputBytesMax))
    const read = rest && tried(inflateRaw, rest, inflatedBytesMax)
    return read instanceof Buffer ? { text: read, isSound: rest === bytes } : unread
  }
  if (begun !== 'large' && bytes.length <= inflateInputBytesMax) return { text: begun, isSound: true }
  const { text, ratio } = begun === 'large' ? beginningOf(bytes, inflate, inflatedBytesMax) : { text: begun, ratio: 1 }
  if (text.length === 0 || ratio >= bombRatio) findings.signal('bomb', 'REQUEST_BODY')
  unseen(findings)
  return { text: text.length === 0 ? bytes : text, isSound: true }
}

function unseen(findings: Findings): void {
  findings.signal('oversize', 'REQUEST_BODY')
  findings.passOver()
}

type Beginning = { readonly text: Buffer; readonly ratio: number }

/** Text is compressed to a tenth, and a thousandth is the most that deflate can do. */
const bombRatio = 50

/** Of the beginnings of a body, each four times as long as the one before it, the longest that stays within the limit. */
function beginningOf(bytes: Buffer, inflate: Inflate, most: number): Beginning {
  let best: Beginning = { text: Buffer.alloc(0), ratio: 0 }
  for (let length = shortestBytes; length < bytes.length; length *= 4) {
    const text = tried(inflate, bytes.subarray(0, length), most)
    if (!(text instanceof Buffer)) break
    best = { text, ratio: text.length / length }
  }
  return best
}

const shortestBytes = 64

function tried(inflate: Inflate, bytes: Uint8Array, most: number): Buffer | 'damaged' | 'large' {
  try {
    return inflate(bytes, most)
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'large' : 'damaged'
  }
}

/** RFC 1950, 2.2 */
const isZlib = (bytes: Buffer) =>
  bytes.length > 2 && ((bytes[0] as number) & 15) === 8 && bytes.readUInt16BE(0) % 31 === 0

/** RFC 1952, 2.3 */
function behindGzipHeader(bytes: Buffer): Buffer | undefined {
  if (bytes.length < 18 || bytes.readUInt16BE(0) !== 0x1f8b) return undefined
  const flags = bytes[3] as number
  let at = 10
  if ((flags & 4) !== 0) at += 2 + bytes.readUInt16LE(at)
  for (const flag of [8, 16]) if ((flags & flag) !== 0) at = bytes.indexOf(0, at) + 1 || bytes.length
  return bytes.subarray(at + ((flags & 2) !== 0 ? 2 : 0))
}

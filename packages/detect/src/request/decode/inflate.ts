// SPDX-License-Identifier: Apache-2.0

import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib'
import type { RequestContext } from '../context.ts'
import { brotliBytes } from './brotli.ts'
import { runsOfText } from './runs.ts'
import type { Findings } from './values.ts'

/** `end`: behind the last of the bytes that it took. */
type Stream = { readonly text: Buffer; readonly end: number }
type Inflate = (bytes: Uint8Array, maxOutputLength: number) => Stream
type Coding = {
  readonly inflate: Inflate
  /** Where that takes it for damaged: what some read all the same, without the sums at its ends; undefined: nobody does. */
  readonly leniently: (bytes: Buffer) => Uint8Array | undefined
  /** How long it is when it is inflated, where that must be known before. */
  readonly says?: (bytes: Buffer) => number | undefined
}

/** Node.js tells how many bytes were taken, and its types do not. */
function streamOf(done: unknown): Stream {
  const { buffer, engine } = done as { buffer: Buffer; engine: { bytesWritten: number } }
  return { text: buffer, end: engine.bytesWritten }
}

/** Of a body of which the beginning alone was handed over, what that holds. */
const finishFlush = constants.Z_SYNC_FLUSH
const inflateRaw: Inflate = (bytes, maxOutputLength) =>
  streamOf(inflateRawSync(bytes, { maxOutputLength, finishFlush, info: true }))
const gzip: Coding = {
  inflate: (bytes, maxOutputLength) => streamOf(gunzipSync(bytes, { maxOutputLength, finishFlush, info: true })),
  leniently: behindGzipHeader,
}
const codings: Readonly<Record<string, Coding>> = {
  gzip,
  'x-gzip': gzip,
  deflate: {
    inflate: (bytes, maxOutputLength) => streamOf(inflateSync(bytes, { maxOutputLength, finishFlush, info: true })),
    // RFC 9110, 8.4.1.2: some send it without the format of zlib around it.
    leniently: (bytes) => (isZlib(bytes) ? bytes.subarray(2) : bytes),
  },
  br: {
    inflate: (bytes, maxOutputLength) =>
      streamOf(
        brotliDecompressSync(bytes, { maxOutputLength, finishFlush: constants.BROTLI_OPERATION_FLUSH, info: true }),
      ),
    leniently: () => undefined,
    says: brotliBytes,
  },
}

/** Of gzip, behind the stream (RFC 1952, 2.3): what it sums up to, and its length. */
const sumBytes = 8

/** Within one another. */
const codingsMax = 2

/** `asTheyCame`: what of the compressed bytes is text to a service that does not inflate. */
export type Inflated = { readonly bytes: Buffer; readonly asTheyCame: string }

/**
 * A body as it was before it was compressed; as it came where that cannot be told, which is told. Of one that is too long, a beginning. Many
 * services do not inflate requests: what is text besides, within what is compressed and behind it, is handed over, too.
 */
export function inflated({ body, headers }: RequestContext, isParted: boolean, findings: Findings): Inflated {
  let bytes: Buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const asTheyCame: string[] = []
  const applied = codingsOf(headers)
  for (const name of applied.toReversed()) {
    const coding = applied.length <= codingsMax && Object.hasOwn(codings, name) ? codings[name] : undefined
    const { stream, isSound } = coding === undefined ? unread : undone(bytes, coding, findings)
    const rest = stream === undefined ? '' : behind(bytes, stream.end, findings)
    if (!isSound || rest !== '') findings.signal('compressed', 'REQUEST_BODY')
    if (!isSound && isParted) unseen(findings)
    if (stream === undefined) break
    asTheyCame.push(rest, ...textWithin(bytes, stream.end, findings))
    bytes = stream.text
  }
  return { bytes, asTheyCame: asTheyCame.filter((text) => text !== '').join('&') }
}

type Undone = { readonly stream: Stream | undefined; readonly isSound: boolean }
const unread: Undone = { stream: undefined, isSound: false }

/** What is behind a stream, but for zeros that fill it up; of what is too long to be inflated, which is unseen, as far as it would be. */
function behind(bytes: Buffer, end: number, { limits }: Findings): string {
  const rest = bytes.toString('latin1', end, Math.max(end, limits.inflateInputBytesMax))
  return rest.replaceAll('\0', '') === '' ? '' : rest
}

/** Text within a stream, and at the end of what is too long to be inflated. */
function textWithin(bytes: Buffer, end: number, { limits }: Findings): readonly string[] {
  const most = limits.inflateInputBytesMax
  const last = bytes.subarray(Math.max(most, bytes.length - limits.tailBytesMax))
  return [...runsOfText(bytes.subarray(0, Math.min(end, most))), ...runsOfText(last)]
}

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
  if (begun === 'damaged') return undoneLeniently(bytes, leniently(bytes.subarray(0, inflateInputBytesMax)), findings)
  if (begun !== 'large' && bytes.length <= inflateInputBytesMax) return { stream: begun, isSound: true }
  const { text, ratio } =
    begun === 'large' ? beginningOf(bytes, inflate, inflatedBytesMax) : { text: begun.text, ratio: 1 }
  if (text.length === 0 || ratio >= bombRatio) findings.signal('bomb', 'REQUEST_BODY')
  unseen(findings)
  const end = begun === 'large' ? bytes.length : begun.end
  return { stream: text.length === 0 ? undefined : { text, end }, isSound: true }
}

function undoneLeniently(bytes: Buffer, inner: Uint8Array | undefined, findings: Findings): Undone {
  const read = inner && tried(inflateRaw, inner, findings.limits.inflatedBytesMax)
  if (inner === undefined || typeof read !== 'object') return unread
  const isBare = inner.byteOffset === bytes.byteOffset
  const end = inner.byteOffset - bytes.byteOffset + read.end + (isBare ? 0 : sumBytes)
  return { stream: { text: read.text, end: Math.min(end, bytes.length) }, isSound: isBare }
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
    const stream = tried(inflate, bytes.subarray(0, length), most)
    if (typeof stream !== 'object') break
    best = { text: stream.text, ratio: stream.text.length / length }
  }
  return best
}

const shortestBytes = 64

function tried(inflate: Inflate, bytes: Uint8Array, most: number): Stream | 'damaged' | 'large' {
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

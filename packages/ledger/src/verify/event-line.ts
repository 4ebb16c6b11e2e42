// SPDX-License-Identifier: Apache-2.0

import { skipCanonical, startsWith } from '@sealwatch/base/json'
import type { Line, ParsedLine } from './line.ts'
import type { Hash } from './merkle.ts'

export const lineBytesMax = 65_535

const utf8 = new TextEncoder()
const text = new TextDecoder('utf-8')
const pieces = {
  chain: utf8.encode('{"chain":"'),
  epoch: utf8.encode('","epoch":'),
  event: utf8.encode(',"event":{'),
  prev: utf8.encode(',"prev":"'),
  seq: utf8.encode('","seq":'),
  time: utf8.encode(',"time":"'),
  v: utf8.encode('","v":'),
}
const [chainLength, hashLength, timeLength] = [32, 64, 30]

/** Bytes from the time of such a line to its end. */
export const eventTail = timeLength + pieces.v.length + 2
export const chainAt = (line: Uint8Array): string =>
  text.decode(line.subarray(pieces.chain.length, pieces.chain.length + chainLength))

/**
 * Reads the line of an event, which nearly all lines are, without building it: its envelope must stand byte for byte as
 * the canonical form puts it (line.md, 1 and 2), up to a newline or the end. Undefined for any other line and for all
 * that is not plainly in order: those are for the reader that says what is wrong. `before`, the line before it, lends its
 * text. The hash is the caller's to fill in.
 */
export function readEventLine(bytes: Uint8Array, from: number, before: ParsedLine | undefined): EventLine | undefined {
  if (!startsWith(bytes, from, pieces.chain)) return undefined
  const chainFrom = from + pieces.chain.length
  const chainTo = chainFrom + chainLength
  const isSameChain = before !== undefined && standsAt(bytes, chainFrom, before.chain)
  if (!isSameChain && !isHexAt(bytes, chainFrom, chainTo)) return undefined
  const epochFrom = chainTo + pieces.epoch.length
  const eventFrom = eventFromIn(bytes, from)
  if (eventFrom < 0) return undefined
  // The envelope is the first of the levels that a line may have.
  const eventTo = skipCanonical(bytes, eventFrom, 1)
  if (eventTo < 0 || !startsWith(bytes, eventTo, pieces.prev)) return undefined
  const prevFrom = eventTo + pieces.prev.length
  const prevTo = prevFrom + hashLength
  if (!isHexAt(bytes, prevFrom, prevTo) || !startsWith(bytes, prevTo, pieces.seq)) return undefined
  const seqFrom = prevTo + pieces.seq.length
  let seqTo = seqFrom
  let seq = 0
  for (let digit = digitAt(bytes, seqTo); digit >= 0; digit = digitAt(bytes, seqTo)) {
    seq = seq * 10 + digit
    seqTo += 1
  }
  const isCount =
    seqTo > seqFrom && seq <= Number.MAX_SAFE_INTEGER && (bytes[seqFrom] !== zero || seqTo === seqFrom + 1)
  if (!isCount || !startsWith(bytes, seqTo, pieces.time)) return undefined
  const timeFrom = seqTo + pieces.time.length
  const timeTo = timeFrom + timeLength
  if (!isTimeAt(bytes, timeFrom) || !startsWith(bytes, timeTo, pieces.v)) return undefined
  const versionAt = timeTo + pieces.v.length
  const epoch = epochOf(bytes, epochFrom, bytes[versionAt])
  if (epoch === undefined || bytes[versionAt + 1] !== brace) return undefined
  const to = versionAt + 2
  if (to - from > lineBytesMax || (to !== bytes.length && bytes[to] !== newline)) return undefined
  const chain = isSameChain ? before.chain : text.decode(bytes.subarray(chainFrom, chainTo))
  return new EventLine(bytes, from, to, chain, prevFrom, seq, epoch)
}

/** Where the event begins, with its brace, of a line that begins at `from`; -1 where it has none. */
export function eventFromIn(bytes: Uint8Array, from: number): number {
  const epochFrom = from + pieces.chain.length + chainLength + pieces.epoch.length
  if (!startsWith(bytes, epochFrom - pieces.epoch.length, pieces.epoch)) return -1
  let at = epochFrom
  while (digitAt(bytes, at) >= 0) at += 1
  return startsWith(bytes, at, pieces.event) ? at + pieces.event.length - 1 : -1
}

/** null in version 1, whose epoch is 0; undefined where the two are not in order. */
function epochOf(bytes: Uint8Array, from: number, version: number | undefined): number | null | undefined {
  if (version === zero + 1) return bytes[from] === zero && digitAt(bytes, from + 1) < 0 ? null : undefined
  if (version !== zero + 2) return undefined
  let epoch = 0
  let at = from
  for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
    epoch = epoch * 10 + digit
    at += 1
  }
  const isCount = at > from && epoch <= Number.MAX_SAFE_INTEGER && (bytes[from] !== zero || at === from + 1)
  return isCount ? epoch : undefined
}

/** What is asked of every line is at hand; the event itself is built when somebody looks at it. */
export class EventLine implements ParsedLine {
  readonly kind = 'event'
  readonly chain: string
  readonly seq: number
  readonly epoch: number | null
  hash: Hash
  /** The byte after it. */
  readonly to: number
  readonly #source: Uint8Array
  readonly #from: number
  readonly #prevFrom: number
  #line: Line | undefined

  constructor(
    source: Uint8Array,
    from: number,
    to: number,
    chain: string,
    prevFrom: number,
    seq: number,
    epoch: number | null,
  ) {
    this.chain = chain
    this.seq = seq
    this.epoch = epoch
    this.hash = source
    this.to = to
    this.#source = source
    this.#from = from
    this.#prevFrom = prevFrom
    this.#line = undefined
  }

  get bytes(): Uint8Array {
    const isAll = this.#from === 0 && this.to === this.#source.length
    return isAll ? this.#source : this.#source.subarray(this.#from, this.to)
  }

  get length(): number {
    return this.to - this.#from
  }

  get line(): Line {
    this.#line ??= JSON.parse(text.decode(this.bytes)) as Line
    return this.#line
  }

  /** Writes down where it stands, for eventLineAt. */
  place(into: Float64Array, at: number): void {
    into[at] = this.#from
    into[at + 1] = this.to
    into[at + 2] = this.#prevFrom
    into[at + 3] = this.seq
    into[at + 4] = this.epoch ?? noEpoch
  }

  follows(before: ParsedLine): boolean {
    return (
      this.seq === before.seq + 1 &&
      this.chain === before.chain &&
      // A head may have ended the epoch, and a close waits for its head.
      this.epoch === before.epoch &&
      (this.epoch === null || before.kind === 'event') &&
      isHexOf(this.#source, this.#prevFrom, before.hash)
    )
  }
}

/** What another thread needs to know of the line of an event, to have it without reading it again. */
export const numbersPerEvent = 5

/** The event whose place was written down at `at`; its bytes are in order, or it would not have been. */
export function eventLineAt(
  bytes: Uint8Array,
  places: Float64Array,
  at: number,
  before: ParsedLine | undefined,
): EventLine {
  const from = places[at] as number
  const epoch = places[at + 4] as number
  const chainFrom = from + pieces.chain.length
  const isSameChain = before !== undefined && standsAt(bytes, chainFrom, before.chain)
  const chain = isSameChain ? before.chain : text.decode(bytes.subarray(chainFrom, chainFrom + chainLength))
  const [to, prevFrom, seq] = [places[at + 1] as number, places[at + 2] as number, places[at + 3] as number]
  return new EventLine(bytes, from, to, chain, prevFrom, seq, epoch === noEpoch ? null : epoch)
}

const noEpoch = -1

/** Value of each lower-case hexadecimal digit, and 16 for all other bytes. */
const hexValue = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(byte))
  return value < 0 ? 16 : value
})
const hexDigit = utf8.encode('0123456789abcdef')

function isHexAt(bytes: Uint8Array, from: number, to: number): boolean {
  let seen = 0
  for (let at = from; at < to; at += 1) seen |= hexValue[bytes[at] as number] as number
  return seen < 16 && to <= bytes.length
}

function isHexOf(bytes: Uint8Array, from: number, hash: Hash): boolean {
  for (let i = 0; i < hash.length; i += 1) {
    const byte = hash[i] as number
    if (bytes[from + 2 * i] !== hexDigit[byte >> 4] || bytes[from + 2 * i + 1] !== hexDigit[byte & 15]) return false
  }
  return true
}

function standsAt(bytes: Uint8Array, from: number, ascii: string): boolean {
  for (let i = 0; i < ascii.length; i += 1) if (bytes[from + i] !== ascii.charCodeAt(i)) return false
  return true
}

function digitAt(bytes: Uint8Array, at: number): number {
  const digit = (bytes[at] as number) - zero
  return digit >= 0 && digit <= 9 ? digit : -1
}

const newline = 0x0a
const zero = 0x30
const brace = 0x7d
const timeForm = utf8.encode('dddd-dd-ddTdd:dd:dd.dddddddddZ')
const anyDigit = 0x64
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** As parseRfc3339 reads it. */
function isTimeAt(bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < timeLength; i += 1) {
    const byte = bytes[from + i] as number
    if (timeForm[i] === anyDigit ? !(byte >= zero && byte <= zero + 9) : byte !== timeForm[i]) return false
  }
  const year = 100 * pairAt(bytes, from) + pairAt(bytes, from + 2)
  const month = pairAt(bytes, from + 5)
  const day = pairAt(bytes, from + 8)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return (
    year >= 1970 &&
    day >= 1 &&
    day <= (month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? 0)) &&
    pairAt(bytes, from + 11) < 24 &&
    pairAt(bytes, from + 14) < 60 &&
    pairAt(bytes, from + 17) < 60
  )
}

/** The number that two digits stand for. */
const pairAt = (bytes: Uint8Array, at: number) =>
  10 * ((bytes[at] as number) - zero) + ((bytes[at + 1] as number) - zero)

// SPDX-License-Identifier: Apache-2.0

import { isAfter, skipCanonical, skipKey, startsWith } from '@sealwatch/base/json'
import type { Hash, ReadEvents } from './merkle.ts'

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
/** Where it stands in a line. */
export const chainFrom = pieces.chain.length
export const lineBytesMax = 65_535

/** The id of the chain, as text, that a row tells the place of. */
export const chainAt = (bytes: Uint8Array, chainFrom: number): string =>
  text.decode(bytes.subarray(chainFrom, chainFrom + chainLength))

/**
 * What is known of the line of an event once it is read: so many numbers in a row, which lie beside those of other lines
 * and may go to other threads.
 */
export const numbersPerEvent = 10
/** Where each of them stands in its row. A row of zeros is that of no event. */
export const eventRow = {
  /** The line's first byte, and the byte after its last. */
  from: 0,
  to: 1,
  /** Where the id of its chain stands: of neighbours in one chain, in the first of them. */
  chainFrom: 2,
  /** Where the digits of `prev` stand. */
  prevFrom: 3,
  seq: 4,
  /** noEpoch in version 1. */
  epoch: 5,
  /** Of the line's time, Unix milliseconds. */
  timeMs: 6,
  /** Members of the event; NaN where it has none such that is a whole number of at most 15 digits. */
  classUid: 7,
  activityId: 8,
  severityId: 9,
} as const
export const noEpoch = -1

const noted = ['class_uid', 'activity_id', 'severity_id'].map((name) => utf8.encode(name))

/**
 * Reads the line of an event, which nearly all lines are, without building it: its envelope must stand byte for byte as
 * the canonical form puts it (line.md, 1 and 2), up to a newline or the end. Returns the byte after it, and writes its row
 * into `rows` at `at`; the row before, where it is that of an event, lends what both have in common. -1 for any other line
 * and for all that is not plainly in order: those are for the reader that says what is wrong. `notes`: with the members that
 * an index wants; without them it is faster, and the row has none.
 */
export function readEvent(bytes: Uint8Array, from: number, rows: Float64Array, at: number, notes = true): number {
  const before = at >= numbersPerEvent && isEventAt(rows, at - numbersPerEvent) ? at - numbersPerEvent : -1
  const ownChain = from + pieces.chain.length
  const isSameChain = before >= 0 && isSame(bytes, from, rows[before] as number, pieces.chain.length + chainLength)
  if (!isSameChain && !(startsWith(bytes, from, pieces.chain) && isHexAt(bytes, ownChain, ownChain + chainLength)))
    return -1
  const epochFrom = ownChain + chainLength + pieces.epoch.length
  const eventFrom = eventFromIn(bytes, from)
  if (eventFrom < 0) return -1
  // The envelope is the first of the levels that a line may have.
  const eventTo = notes
    ? readMembers(bytes, eventFrom, rows, at + eventRow.classUid)
    : skipCanonical(bytes, eventFrom, 1)
  if (eventTo < 0 || !startsWith(bytes, eventTo, pieces.prev)) return -1
  const prevFrom = eventTo + pieces.prev.length
  const prevTo = prevFrom + hashLength
  if (!isHexAt(bytes, prevFrom, prevTo) || !startsWith(bytes, prevTo, pieces.seq)) return -1
  const seqFrom = prevTo + pieces.seq.length
  const seqTo = digitsTo(bytes, seqFrom)
  const seq = countIn(bytes, seqFrom, seqTo)
  if (seq < 0 || !startsWith(bytes, seqTo, pieces.time)) return -1
  const timeFrom = seqTo + pieces.time.length
  const timeTo = timeFrom + timeLength
  const timeMs = readTime(bytes, timeFrom, rows, before)
  if (timeMs < 0 || !startsWith(bytes, timeTo, pieces.v)) return -1
  const versionAt = timeTo + pieces.v.length
  const epoch = epochOf(bytes, epochFrom, bytes[versionAt])
  const to = versionAt + 2
  if (epoch === undefined || bytes[versionAt + 1] !== braceClose) return -1
  if (to - from > lineBytesMax || (to !== bytes.length && bytes[to] !== newline)) return -1
  rows[at + eventRow.from] = from
  rows[at + eventRow.to] = to
  rows[at + eventRow.chainFrom] = isSameChain ? (rows[before + eventRow.chainFrom] as number) : ownChain
  rows[at + eventRow.prevFrom] = prevFrom
  rows[at + eventRow.seq] = seq
  rows[at + eventRow.epoch] = epoch
  rows[at + eventRow.timeMs] = timeMs
  return to
}

/**
 * Events that stand one behind the other from `from` on, where many are read at a time: their rows behind the first `count`,
 * and where each begins and ends, two places a line. Returns how many rows there are then.
 */
export function readRun(
  read: ReadEvents | undefined,
  from: number,
  rows: Float64Array,
  places: Uint32Array,
  count: number,
): number {
  const done = read?.(from, rows, count, places.length / 2) ?? count
  for (let i = count; i < done; i += 1) {
    places[2 * i] = rows[i * numbersPerEvent + eventRow.from] as number
    places[2 * i + 1] = rows[i * numbersPerEvent + eventRow.to] as number
  }
  return done
}

export const isEventAt = (rows: Float64Array, at: number): boolean => (rows[at + eventRow.prevFrom] as number) > 0

/** Do the two rows tell of lines of one chain and epoch, of which the second has the next number, and names this hash? */
export function followsRow(
  bytes: Uint8Array,
  rows: Float64Array,
  at: number,
  hashes: Uint8Array,
  hash: number,
): boolean {
  const before = at - numbersPerEvent
  return (
    isEventAt(rows, before) &&
    isEventAt(rows, at) &&
    rows[at + eventRow.seq] === (rows[before + eventRow.seq] as number) + 1 &&
    rows[at + eventRow.chainFrom] === rows[before + eventRow.chainFrom] &&
    rows[at + eventRow.epoch] === rows[before + eventRow.epoch] &&
    isHexOf(bytes, rows[at + eventRow.prevFrom] as number, hashes, hash)
  )
}

/** Where the event begins, with its brace, of a line that begins at `from`; -1 where it has none. */
export function eventFromIn(bytes: Uint8Array, from: number): number {
  const epochFrom = from + pieces.chain.length + chainLength + pieces.epoch.length
  if (!startsWith(bytes, epochFrom - pieces.epoch.length, pieces.epoch)) return -1
  const epochTo = digitsTo(bytes, epochFrom)
  return startsWith(bytes, epochTo, pieces.event) ? epochTo + pieces.event.length - 1 : -1
}

/** From the event's brace to the byte after it, -1 where it is not plainly canonical; notes three of its members. */
function readMembers(bytes: Uint8Array, from: number, into: Float64Array, at: number): number {
  for (let i = 0; i < noted.length; i += 1) into[at + i] = Number.NaN
  if (bytes[from + 1] === braceClose) return from + 2
  let [keyFrom, keyTo] = [-1, -1]
  for (let next = from + 1; ; ) {
    const valueFrom = skipKey(bytes, next)
    if (valueFrom < 0 || (keyTo >= 0 && !isAfter(bytes, next + 1, valueFrom - 2, keyFrom, keyTo))) return -1
    keyFrom = next + 1
    keyTo = valueFrom - 2
    // The envelope and the event are two of the levels that a line may have.
    const valueTo = skipCanonical(bytes, valueFrom, 2)
    if (valueTo < 0) return -1
    for (let i = 0; i < noted.length; i += 1) {
      const name = noted[i] as Uint8Array
      if (name.length === keyTo - keyFrom && startsWith(bytes, keyFrom, name))
        into[at + i] = wholeNumber(bytes, valueFrom, valueTo)
    }
    if (bytes[valueTo] !== comma) return bytes[valueTo] === braceClose ? valueTo + 1 : -1
    next = valueTo + 1
  }
}

const exactDigits = 15

/** NaN where it is none, or so long that it may not be exact. */
export function wholeNumber(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > exactDigits) return Number.NaN
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = digitAt(bytes, at)
    if (digit < 0) return Number.NaN
    value = 10 * value + digit
  }
  return value
}

/** null in version 1, whose epoch is 0; undefined where the two are not in order. */
function epochOf(bytes: Uint8Array, from: number, version: number | undefined): number | undefined {
  const epoch = countIn(bytes, from, digitsTo(bytes, from))
  if (version === zero + 1) return epoch === 0 ? noEpoch : undefined
  return version === zero + 2 && epoch >= 0 ? epoch : undefined
}

function digitsTo(bytes: Uint8Array, from: number): number {
  let at = from
  while (digitAt(bytes, at) >= 0) at += 1
  return at
}

/** The number that the digits from `from` to `to` stand for; -1 where it is none that is exact, or not in its one form. */
function countIn(bytes: Uint8Array, from: number, to: number): number {
  if (to === from || (bytes[from] === zero && to > from + 1)) return -1
  let count = 0
  for (let at = from; at < to; at += 1) count = 10 * count + ((bytes[at] as number) - zero)
  return count <= Number.MAX_SAFE_INTEGER ? count : -1
}

function digitAt(bytes: Uint8Array, at: number): number {
  const digit = (bytes[at] as number) - zero
  return digit >= 0 && digit <= 9 ? digit : -1
}

function isSame(bytes: Uint8Array, from: number, other: number, length: number): boolean {
  for (let i = 0; i < length; i += 1) if (bytes[from + i] !== bytes[other + i]) return false
  return true
}

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

/** Do the digits from `from` on write the hash that stands at `hash`? */
export function isHexOf(bytes: Uint8Array, from: number, hashes: Hash, hash: number): boolean {
  for (let i = 0; i < hashLength / 2; i += 1) {
    const byte = hashes[hash + i] as number
    if (bytes[from + 2 * i] !== hexDigit[byte >> 4] || bytes[from + 2 * i + 1] !== hexDigit[byte & 15]) return false
  }
  return true
}

const newline = 0x0a
const [zero, comma, braceClose] = [0x30, 0x2c, 0x7d]
const timeForm = utf8.encode('dddd-dd-ddTdd:dd:dd.dddddddddZ')
const anyDigit = 0x64
/** To its decimal point. */
const secondLength = 20
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Unix milliseconds, rounded down, of a time that parseRfc3339 reads, or -1. Lines mostly share their second. */
function readTime(bytes: Uint8Array, from: number, rows: Float64Array, before: number): number {
  const beforeTo = before < 0 ? 0 : (rows[before + eventRow.to] as number)
  const isSameSecond = before >= 0 && isSame(bytes, from, beforeTo - eventTail, secondLength)
  for (let i = isSameSecond ? secondLength : 0; i < timeLength; i += 1) {
    const byte = bytes[from + i] as number
    if (timeForm[i] === anyDigit ? !(byte >= zero && byte <= zero + 9) : byte !== timeForm[i]) return -1
  }
  const beforeMs = before < 0 ? 0 : (rows[before + eventRow.timeMs] as number)
  const secondMs = isSameSecond ? beforeMs - (beforeMs % 1000) : secondMsAt(bytes, from)
  return secondMs < 0 ? -1 : secondMs + 10 * pairAt(bytes, from + secondLength) + (pairAt(bytes, from + 21) % 10)
}

/** Bytes from the time of such a line to its end. */
export const eventTail = timeLength + pieces.v.length + 2

function secondMsAt(bytes: Uint8Array, from: number): number {
  const year = 100 * pairAt(bytes, from) + pairAt(bytes, from + 2)
  const month = pairAt(bytes, from + 5)
  const day = pairAt(bytes, from + 8)
  const [hour, minute, second] = [pairAt(bytes, from + 11), pairAt(bytes, from + 14), pairAt(bytes, from + 17)]
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const exists =
    year >= 1970 &&
    day >= 1 &&
    day <= (month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? 0)) &&
    hour < 24 &&
    minute < 60 &&
    second < 60
  return exists ? Date.UTC(year, month - 1, day, hour, minute, second) : -1
}

/** The number that two digits stand for. */
const pairAt = (bytes: Uint8Array, at: number) =>
  10 * ((bytes[at] as number) - zero) + ((bytes[at + 1] as number) - zero)

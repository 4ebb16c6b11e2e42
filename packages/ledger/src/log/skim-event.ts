// SPDX-License-Identifier: Apache-2.0

import { skipCanonical, startsWith } from '@sealwatch/base/json'
import { chainFrom, eventFromIn, eventTail } from '../verify/event-row.ts'

/** What an index wants to know of an event before anybody reads it. */
export type EventSkim = {
  /** Unix milliseconds of the line's time. */
  timeMs: number
  /** null where there is none, or no whole number. */
  classUid: number | null
}

/**
 * Reads the line of an event that stands in a ledger, bytes `from` to `to`, without building it, into `skim`. False for any
 * other line, one of the chain `own`, and whatever is not plain: parseLine reads that.
 */
export function skimEvent(bytes: Uint8Array, from: number, to: number, own: Uint8Array, skim: EventSkim): boolean {
  const eventFrom = eventFromIn(bytes, from)
  if (eventFrom < 0 || startsWith(bytes, from + chainFrom, own)) return false
  skim.classUid = null
  // Members stand in the order of their names.
  for (let at = eventFrom + 1; bytes[at] !== brace; ) {
    const keyTo = bytes.indexOf(quote, at + 1)
    // (An escaped quote ends no name.)
    if (bytes[at] !== quote || bytes[keyTo - 1] === backslash || bytes[keyTo + 1] !== colon) return false
    const isClass = startsWith(bytes, at, classKey)
    if (!isClass && (bytes[at + 1] as number) > letterC) break
    const valueTo = skipCanonical(bytes, keyTo + 2, 2)
    if (valueTo < 0 || valueTo > to) return false
    if (isClass) {
      skim.classUid = wholeNumber(bytes, keyTo + 2, valueTo)
      break
    }
    at = valueTo + (bytes[valueTo] === comma ? 1 : 0)
  }
  skim.timeMs = timeOf(bytes, to - eventTail)
  return skim.timeMs >= 0
}

const [quote, backslash, colon, comma, brace, zero, letterC] = [0x22, 0x5c, 0x3a, 0x2c, 0x7d, 0x30, 0x63]
const classKey = new TextEncoder().encode('"class_uid"')
const exactDigits = 15

function wholeNumber(bytes: Uint8Array, from: number, to: number): number | null {
  if (to - from > exactDigits) return null
  const value = digits(bytes, from, to - from)
  return value >= 0 ? value : null
}

/** NaN where there is another byte among them. */
function digits(bytes: Uint8Array, from: number, length: number): number {
  let value = 0
  for (let at = from; at < from + length; at += 1) {
    const digit = (bytes[at] as number) - zero
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = 10 * value + digit
  }
  return value
}

/** The minute of the line before: lines mostly share it. */
const minute = new Uint8Array('2026-11-21T12:34'.length)
let minuteMs = Number.NaN

/** NaN where the line does not end as a line does. */
function timeOf(bytes: Uint8Array, from: number): number {
  if (!startsWith(bytes, from, minute) || Number.isNaN(minuteMs)) {
    const at = (offset: number, length: number) => digits(bytes, from + offset, length)
    minuteMs = Date.UTC(at(0, 4), at(5, 2) - 1, at(8, 2), at(11, 2), at(14, 2))
    minute.set(bytes.subarray(from, from + minute.length))
  }
  return minuteMs + 1000 * digits(bytes, from + 17, 2) + digits(bytes, from + 20, 3)
}

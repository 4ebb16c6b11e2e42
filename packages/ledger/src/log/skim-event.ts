// SPDX-License-Identifier: Apache-2.0

import { skipCanonical, startsWith } from '@sealwatch/base/json'
import { chainAt, chainFrom, eventFromIn, eventTail } from '../verify/event-row.ts'

/** What is worth knowing of an event before anybody reads it. */
export type EventSkim = {
  readonly chain: string
  /** Unix milliseconds of the line's time. */
  readonly timeMs: number
  /** The wanted members, in their order, as far as they are whole numbers. */
  readonly numbers: readonly (number | null)[]
}

/**
 * Reads the line of an event that stands in a ledger, in one pass and without building it. Undefined for any other line:
 * parseLine reads that.
 */
export function skimEvent(line: Uint8Array, wanted: readonly Uint8Array[]): EventSkim | undefined {
  const eventFrom = eventFromIn(line, 0)
  if (eventFrom < 0) return undefined
  const numbers: (number | null)[] = wanted.map(() => null)
  let at = eventFrom + 1
  while (line[at] === quote) {
    const keyFrom = at + 1
    const keyTo = line.indexOf(quote, keyFrom)
    const valueTo = keyTo < 0 || line[keyTo + 1] !== colon ? -1 : skipCanonical(line, keyTo + 2, 2)
    if (valueTo < 0) return undefined
    for (const [i, name] of wanted.entries()) {
      if (name.length !== keyTo - keyFrom || !startsWith(line, keyFrom, name)) continue
      numbers[i] = wholeNumber(line, keyTo + 2, valueTo)
    }
    at = valueTo + (line[valueTo] === comma ? 1 : 0)
  }
  const timeMs = timeOf(line)
  return line[at] === brace && timeMs >= 0 ? { chain: chainAt(line, chainFrom), timeMs, numbers } : undefined
}

const [quote, colon, comma, brace, zero] = [0x22, 0x3a, 0x2c, 0x7d, 0x30]
const exactDigits = 15

function wholeNumber(line: Uint8Array, from: number, to: number): number | null {
  if (to - from > exactDigits) return null
  let value = 0
  for (let at = from; at < to; at += 1) {
    const digit = (line[at] as number) - zero
    if (!(digit >= 0 && digit <= 9)) return null
    value = 10 * value + digit
  }
  return value
}

/** NaN where the line does not end as a line does. */
function timeOf(line: Uint8Array): number {
  const from = line.length - eventTail
  const number = (at: number, length: number) => wholeNumber(line, from + at, from + at + length) ?? Number.NaN
  return Date.UTC(
    number(0, 4),
    number(5, 2) - 1,
    number(8, 2),
    number(11, 2),
    number(14, 2),
    number(17, 2),
    number(20, 3),
  )
}

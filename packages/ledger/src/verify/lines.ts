// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import { eventLineAt } from './event-line.ts'
import { eventRow, followsRow, isEventAt, lineBytesMax, numbersPerEvent, readEvent, readRun } from './event-row.ts'
import { lineErrors, type ParsedLine, parseLine } from './line.ts'
import { hashBytes, leafHashesIn, type Sha256 } from './merkle.ts'

const lineError = errorsOf(lineErrors)
const newline = 0x0a
/** No line of any kind is shorter. */
const lineBytesMin = 190

/** Lines that were parsed strictly, and lie as they came: nothing is made for one of them until somebody asks for it. */
export type Lines = {
  readonly count: number
  /** The lines as they came, newlines included. They must not change any more. */
  readonly ndjson: Uint8Array
  /** For each line a row of numbers (eventRow); that of a line which is no event says where it lies and nothing else. */
  readonly rows: Float64Array
  /** Leaf hashes of the lines, one after the other. */
  readonly hashes: Uint8Array
  /** Lines that are no events, by their index. */
  readonly others: ReadonlyMap<number, ParsedLine>
  lineAt(index: number): ParsedLine
  /** Are line `index` and the one before it events, of which it follows the other in one chain? */
  isNext(index: number): boolean
}

/** Parses NDJSON, every line of which must end in a newline. `known`: what was parsed already of these very bytes, at that index. */
export function parseLines(
  sha256: Sha256,
  ndjson: Uint8Array,
  linesMax: number,
  attempted: string,
  known?: (bytes: Uint8Array, index: number) => ParsedLine | undefined,
): Lines {
  const wrong = (received: string) => lineError('LINE_MALFORMED', { attempted, received })
  const most = Math.min(linesMax, Math.ceil(ndjson.length / lineBytesMin))
  const rows = new Float64Array(most * numbersPerEvent)
  const places = new Uint32Array(most * 2)
  const others = new Map<number, ParsedLine>()
  const events = sha256.events?.(ndjson)
  let count = 0
  for (let from = 0; from < ndjson.length; count += 1) {
    const done = readRun(events, from, rows, places, count)
    if (done > count) from = (places[2 * done - 1] as number) + 1
    count = done
    if (from === ndjson.length) break
    const at = count * numbersPerEvent
    const eventTo = readEvent(ndjson, from, rows, at)
    const to = eventTo < 0 ? ndjson.indexOf(newline, from) : eventTo
    if (to < 0 || to === ndjson.length) throw wrong('a last line without its newline')
    if (count === linesMax) throw wrong(`more than ${linesMax} lines`)
    if (to - from > lineBytesMax) throw lineError('LINE_TOO_LONG', { attempted, received: `${to - from} bytes` })
    if (eventTo < 0) {
      const bytes = ndjson.subarray(from, to)
      others.set(count, known?.(bytes, count) ?? parseLine(sha256, bytes, attempted))
      rows.fill(0, at, at + numbersPerEvent)
      rows[at + eventRow.from] = from
      rows[at + eventRow.to] = to
    }
    places[2 * count] = from
    places[2 * count + 1] = to
    from = to + 1
  }
  const hashes = leafHashesIn(sha256, ndjson, places, count)
  const hashAt = (index: number) => hashes.subarray(index * hashBytes, (index + 1) * hashBytes)
  let last: ParsedLine | undefined
  return {
    count,
    ndjson,
    rows,
    hashes,
    others,
    lineAt(index) {
      const other = others.get(index)
      if (other !== undefined) return other
      if (!(index >= 0 && index < count)) throw new RangeError(`line ${index} of ${count}`)
      const event = eventLineAt(ndjson, rows, index * numbersPerEvent, last)
      event.hash = hashAt(index)
      last = event
      return event
    },
    isNext: (index) =>
      isEventAt(rows, (index - 1) * numbersPerEvent) &&
      followsRow(ndjson, rows, index * numbersPerEvent, hashes, (index - 1) * hashBytes),
  }
}

/** Splits NDJSON into lines without their newlines; every line must end in one. */
export function splitLines(bytes: Uint8Array, linesMax: number, attempted: string): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(newline, from)
    if (end < 0) throw lineError('LINE_MALFORMED', { attempted, received: 'a last line without its newline' })
    if (lines.length === linesMax)
      throw lineError('LINE_MALFORMED', { attempted, received: `more than ${linesMax} lines` })
    lines.push(bytes.subarray(from, end))
    from = end + 1
  }
  return lines
}

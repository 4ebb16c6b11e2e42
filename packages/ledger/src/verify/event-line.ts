// SPDX-License-Identifier: Apache-2.0

import { chainAt, eventRow, isHexOf, noEpoch, numbersPerEvent, readEvent } from './event-row.ts'
import type { Line, ParsedLine } from './line.ts'
import type { Hash } from './merkle.ts'

const text = new TextDecoder('utf-8')
const row = new Float64Array(numbersPerEvent)

/** The line of an event from `from` on, where readEvent reads one. The hash is the caller's to fill in. */
export function readEventLine(bytes: Uint8Array, from: number, before: ParsedLine | undefined): EventLine | undefined {
  return readEvent(bytes, from, row, 0, false) < 0 ? undefined : eventLineAt(bytes, row, 0, before)
}

/** The event whose row was written at `at`; its bytes are in order, or it would not have been. */
export function eventLineAt(
  bytes: Uint8Array,
  rows: Float64Array,
  at: number,
  before: ParsedLine | undefined,
): EventLine {
  const chainFrom = rows[at + eventRow.chainFrom] as number
  const isSameChain = before !== undefined && standsAt(bytes, chainFrom, before.chain)
  return new EventLine(bytes, rows, at, isSameChain ? before.chain : chainAt(bytes, chainFrom))
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

  constructor(source: Uint8Array, rows: Float64Array, at: number, chain: string) {
    const epoch = rows[at + eventRow.epoch] as number
    this.chain = chain
    this.seq = rows[at + eventRow.seq] as number
    this.epoch = epoch === noEpoch ? null : epoch
    this.hash = source
    this.to = rows[at + eventRow.to] as number
    this.#source = source
    this.#from = rows[at + eventRow.from] as number
    this.#prevFrom = rows[at + eventRow.prevFrom] as number
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

  follows(before: ParsedLine): boolean {
    return (
      this.seq === before.seq + 1 &&
      this.chain === before.chain &&
      // A head may have ended the epoch, and a close waits for its head.
      this.epoch === before.epoch &&
      (this.epoch === null || before.kind === 'event') &&
      isHexOf(this.#source, this.#prevFrom, before.hash, 0)
    )
  }
}

function standsAt(bytes: Uint8Array, from: number, ascii: string): boolean {
  for (let i = 0; i < ascii.length; i += 1) if (bytes[from + i] !== ascii.charCodeAt(i)) return false
  return true
}

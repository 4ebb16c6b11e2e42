// SPDX-License-Identifier: Apache-2.0

import { eventRow, isEventAt, numbersPerEvent } from '../verify/event-row.ts'
import type { Lines } from '../verify/lines.ts'
import type { Leaf } from './ledger.ts'

/** Lines that stand side by side in a ledger. */
export type Stretch = {
  readonly count: number
  /**
   * For each line two numbers, where it is known to be an event that tells an index nothing else: its time (Unix ms), and its
   * class or NaN. The time is NaN for a line that stands in `ndjson`. Undefined: all of them do.
   */
  readonly marks: Float64Array | undefined
  /** Newlines included. */
  readonly ndjson: Uint8Array
}

/** A ledger as an index reads it that keeps up: what was just appended comes from memory, the rest from the disk. */
export type Tail = {
  /** Leaves from `from` on, `linesMax` or hardly more, in memory of the caller's own; undefined where there are none yet. */
  read(from: number, linesMax: number): Promise<Stretch | undefined>
  close(): void
}

/** What all who share it may hold in memory: bytes that are left. */
export type TailRoom = { bytes: number }

type Held = { readonly first: number; readonly marks: Float64Array; readonly ndjson: Uint8Array }

/** Events of `wholeClass` are handed on whole. What finds no room is not held: it will be read from the disk. */
export function createTail(
  room: TailRoom,
  wholeClass: number,
  readLeaves: (from: number, linesMax: number) => Promise<readonly Leaf[]>,
  onClose: () => void,
): Tail & { push(first: number, lines: Lines, isOwn: boolean): void } {
  const held: Held[] = []

  function drop(count: number): void {
    for (const gone of held.splice(0, count)) room.bytes += bytesOf(gone)
  }

  function takeHeld(from: number, linesMax: number): Stretch | undefined {
    const passed = held.findIndex((each) => nextOf(each) > from)
    drop(passed < 0 ? held.length : passed)
    const [head] = held
    if (head === undefined || head.first > from) return undefined
    const taken = [skipLines(head, from - head.first)]
    let count = nextOf(head) - from
    for (let i = 1; i < held.length && count < linesMax; i += 1) {
      const next = held[i] as Held
      taken.push(next)
      count = nextOf(next) - from
    }
    drop(taken.length)
    const marks = new Float64Array(numbersPerMark * count)
    let at = 0
    for (const each of taken) {
      marks.set(each.marks, at)
      at += each.marks.length
    }
    return { count, marks, ndjson: join(taken.map(({ ndjson }) => ndjson)) }
  }

  return {
    push: (first, lines, isOwn) => {
      const next = { first, ...markAll(lines, isOwn, wholeClass) }
      if (room.bytes < bytesOf(next)) return drop(held.length)
      room.bytes -= bytesOf(next)
      held.push(next)
    },
    read: async (from, linesMax) => {
      const taken = takeHeld(from, linesMax)
      if (taken !== undefined) return taken
      const leaves = await readLeaves(from, linesMax)
      return leaves.length === 0 ? undefined : stretchOf(leaves)
    },
    close: () => {
      drop(held.length)
      onClose()
    },
  }
}

const newline = 0x0a
const numbersPerMark = 2
const bytesOf = ({ marks, ndjson }: Held) => marks.byteLength + ndjson.length
const nextOf = ({ first, marks }: Held) => first + marks.length / numbersPerMark

function markAll({ count, rows, ndjson }: Lines, isOwn: boolean, wholeClass: number): Omit<Held, 'first'> {
  const marks = new Float64Array(numbersPerMark * count)
  const whole: Uint8Array[] = []
  for (let i = 0; i < count; i += 1) {
    const at = i * numbersPerEvent
    const classUid = rows[at + eventRow.classUid] as number
    if (isOwn || classUid === wholeClass || !isEventAt(rows, at)) {
      marks[numbersPerMark * i] = Number.NaN
      const [from, to] = [rows[at + eventRow.from], rows[at + eventRow.to]] as [number, number]
      whole.push(ndjson.subarray(from, to + 1))
    } else {
      marks[numbersPerMark * i] = rows[at + eventRow.timeMs] as number
      marks[numbersPerMark * i + 1] = classUid
    }
  }
  return { marks, ndjson: join(whole) }
}

function skipLines({ first, marks, ndjson }: Held, lines: number): Held {
  let from = 0
  for (let i = 0; i < lines; i += 1)
    if (Number.isNaN(marks[numbersPerMark * i])) from = ndjson.indexOf(newline, from) + 1
  return { first: first + lines, marks: marks.subarray(numbersPerMark * lines), ndjson: ndjson.subarray(from) }
}

/** Leaves that were read together lie in one piece, each before its newline. */
function stretchOf(leaves: readonly Leaf[]): Stretch {
  const { buffer, byteOffset } = (leaves[0] as Leaf).line
  const last = (leaves.at(-1) as Leaf).line
  const length = last.byteOffset + last.length + 1 - byteOffset
  return { count: leaves.length, marks: undefined, ndjson: join([new Uint8Array(buffer, byteOffset, length)]) }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

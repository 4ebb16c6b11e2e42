// SPDX-License-Identifier: Apache-2.0

import type { NamedKey } from './block-heads.ts'
import { type Leaves, newline, readLeaves } from './bundle-records.ts'
import { type EventLine, eventLineAt } from './event-line.ts'
import { eventRow, followsRow, lineBytesMax, numbersPerEvent, readEvent, readRun } from './event-row.ts'
import type { ParsedLine } from './line.ts'
import { hashBytes, leafHashesIn, type Sha256 } from './merkle.ts'

/**
 * What a block of a bundle's records shows without what is before it: the lines of events in it, where they stand, their
 * hashes, and which of them continue a chain; and the hashes that are due. It is most of the work of verifying, and any
 * thread can do it.
 */
export type BlockRead = {
  readonly block: Uint8Array
  /** A row for each event (eventRow). */
  readonly rows: Float64Array
  /** 32 bytes for each. */
  readonly hashes: Uint8Array
  /** 1 for an event that stands directly behind the one before it, and follows it in its chain. */
  readonly follows: Uint8Array
  readonly leaves: readonly Leaves[]
  /** Where each record begins and ends that is neither, and may be a line. */
  readonly others: readonly number[]
  /** Of signatures of heads that hold, where somebody looked (signatureId). */
  readonly holding: readonly string[]
}

/** Does that elsewhere, with blocks of about so many bytes, and so many of them in hand at a time. */
export type BlockReader = {
  readonly bytes: number
  readonly atOnce: number
  read(block: Uint8Array): Promise<BlockRead>
  /** A key that heads in later blocks may be signed by. */
  learn?(key: NamedKey): void
}

/** Enough that the handing over does not count. */
export const blockBytes = 512 * 1024
/** No line is shorter. */
const lineBytesMin = 190

export function readBlock(sha256: Sha256, block: Uint8Array): BlockRead {
  const most = Math.ceil(block.length / lineBytesMin)
  const rows = new Float64Array(most * numbersPerEvent)
  const places = new Uint32Array(most * 2)
  const leaves: Leaves[] = []
  const others: number[] = []
  const events = sha256.events?.(block)
  let count = 0
  for (let from = 1; from < block.length; ) {
    const done = readRun(events, from, rows, places, count)
    if (done > count) {
      from = (places[2 * done - 1] as number) + 1
      count = done
      continue
    }
    const to = readEvent(block, from, rows, count * numbersPerEvent, false)
    if (to < 0) {
      const record = readLeaves(block, from)
      const end = record === undefined ? block.indexOf(newline, from) : record.to - 1
      if (record !== undefined) leaves.push(record)
      else if (end - from >= lineBytesMin && end - from <= lineBytesMax) others.push(from, end)
      from = end + 1
      continue
    }
    places[2 * count] = from
    places[2 * count + 1] = to
    count += 1
    from = to + 1
  }
  const hashes = leafHashesIn(sha256, block, places, count)
  const follows = new Uint8Array(count)
  for (let i = 1; i < count; i += 1) {
    const isBehind = places[2 * i] === (places[2 * i - 1] as number) + 1
    if (isBehind && followsRow(block, rows, i * numbersPerEvent, hashes, (i - 1) * hashBytes)) follows[i] = 1
  }
  return { block, rows: rows.subarray(0, count * numbersPerEvent), hashes, follows, leaves, others, holding: [] }
}

/** Reads where it is called, block after block. */
export const createBlockReader = (sha256: Sha256): BlockReader => ({
  bytes: blockBytes,
  atOnce: 1,
  read: async (block) => readBlock(sha256, block),
})

/** Events, one directly behind the other, of which each follows the one before it in their chain. */
export type Run = {
  readonly count: number
  /** 32 bytes for each. */
  readonly hashes: Uint8Array
  /** The byte of the block at which it begins. */
  startOf(i: number): number
  /** `before` lends its text. */
  event(i: number, before: ParsedLine | undefined): EventLine
}

/** What was read of a block, for whoever goes through it from its beginning to its end. */
export type BlockCursor = {
  readonly block: Uint8Array
  /** The events from byte `from` on, if one begins there. */
  runAt(from: number): Run | undefined
  leavesAt(from: number): Leaves | undefined
}

export function cursorOf({ block, rows, hashes, follows, leaves }: BlockRead): BlockCursor {
  const startOf = (i: number) => rows[i * numbersPerEvent + eventRow.from] as number
  let next = 0
  let nextLeaves = 0
  return {
    block,
    runAt(from) {
      while (next < follows.length && startOf(next) < from) next += 1
      if (next === follows.length || startOf(next) !== from) return undefined
      const first = next
      let end = first + 1
      while (follows[end] === 1) end += 1
      return {
        count: end - first,
        hashes: hashes.subarray(first * hashBytes, end * hashBytes),
        startOf: (i) => startOf(first + i),
        event(i, before) {
          const line = eventLineAt(block, rows, (first + i) * numbersPerEvent, before)
          line.hash = hashes.subarray((first + i) * hashBytes, (first + i + 1) * hashBytes)
          return line
        },
      }
    },
    leavesAt(from) {
      while (nextLeaves < leaves.length && (leaves[nextLeaves] as Leaves).at < from) nextLeaves += 1
      return leaves[nextLeaves]?.at === from ? leaves[nextLeaves] : undefined
    },
  }
}

/** Blocks as they were read, in their order, with so many in hand at a time as the reader wants. */
export async function* readAhead(
  blocks: AsyncIterable<Uint8Array>,
  { atOnce, read }: BlockReader,
): AsyncGenerator<BlockRead> {
  const pending: Promise<BlockRead>[] = []
  let broken: unknown
  try {
    for await (const block of blocks) {
      const reading = read(block)
      // Looked at in its turn, or never when something before it was wrong.
      reading.catch(() => undefined)
      pending.push(reading)
      if (pending.length >= atOnce) yield (await pending.shift()) as BlockRead
    }
  } catch (cause) {
    broken = cause
  }
  for (const reading of pending) yield await reading
  // What comes before it is judged before it.
  if (broken !== undefined) throw broken
}

// SPDX-License-Identifier: Apache-2.0

import { newline } from './bundle-records.ts'
import { type EventLine, eventLineAt } from './event-line.ts'
import { numbersPerEvent, readEvent } from './event-row.ts'
import type { ParsedLine } from './line.ts'
import { hashBytes, leafHashesIn, type Sha256 } from './merkle.ts'

/**
 * What a block of a bundle's records shows without what is before it: the lines of events in it, where they stand, and their
 * hashes. It is most of the work of verifying, and any thread can do it.
 */
export type BlockRead = {
  readonly block: Uint8Array
  readonly events: Float64Array
  /** 32 bytes for each of the events. */
  readonly hashes: Uint8Array
}

/** Does that elsewhere; `atOnce` says how many blocks it takes in hand. */
export type BlockReader = { readonly atOnce: number; read(block: Uint8Array): Promise<BlockRead> }

/** More of them than this do not fit into a block. */
const eventBytesMin = 190

export function readBlock(sha256: Sha256, block: Uint8Array): BlockRead {
  const most = Math.ceil(block.length / eventBytesMin)
  const events = new Float64Array(most * numbersPerEvent)
  const places = new Uint32Array(most * 2)
  let count = 0
  for (let from = 1; from < block.length; ) {
    const to = readEvent(block, from, events, count * numbersPerEvent)
    if (to < 0) {
      from = block.indexOf(newline, from) + 1
      continue
    }
    places[2 * count] = from
    places[2 * count + 1] = to
    count += 1
    from = to + 1
  }
  return { block, events: events.slice(0, count * numbersPerEvent), hashes: leafHashesIn(sha256, block, places, count) }
}

/** The events of a block in their order, each with its hash, for whoever comes to where it begins. */
export type EventsRead = { at(from: number, before: ParsedLine | undefined): EventLine | undefined }

export function eventsOf({ block, events, hashes }: BlockRead): EventsRead {
  let next = 0
  return {
    at(from, before) {
      while (next * numbersPerEvent < events.length && (events[next * numbersPerEvent] as number) < from) next += 1
      if (events[next * numbersPerEvent] !== from) return undefined
      const line = eventLineAt(block, events, next * numbersPerEvent, before)
      line.hash = hashes.subarray(next * hashBytes, (next + 1) * hashBytes)
      return line
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

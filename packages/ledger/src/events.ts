// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { chainAt, eventRow, isEventAt, numbersPerEvent } from './verify/event-row.ts'
import type { ReadEvents } from './verify/merkle.ts'

type Exports = {
  readonly memory: { readonly buffer: ArrayBuffer }
  bytes_at(): number
  bytes_max(): number
  rows_at(): number
  rows_max(): number
  read_events(length: number, from: number, most: number, base: number): number
}

/** Node.js has it, its types do not. */
const { Instance, Module } = (globalThis as unknown as { WebAssembly: WebAssemblyOfNode }).WebAssembly
type WebAssemblyOfNode = {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

const newline = 0x0a

/**
 * Reads the lines of many events in one call of WebAssembly (native/events.c), which copies them into its own memory and
 * touches nothing else. The result is that of readEvent.
 */
export function openReadEvents(path = new URL('events.wasm', import.meta.url)): (bytes: Uint8Array) => ReadEvents {
  const made = new Instance(new Module(readFileSync(path))).exports as Exports
  const room = new Uint8Array(made.memory.buffer, made.bytes_at(), made.bytes_max())
  const found = new Float64Array(made.memory.buffer, made.rows_at(), made.rows_max() * numbersPerEvent)
  let loaded: object | undefined

  return (bytes) => {
    // Of the bytes, what lies there now; another's may come in between.
    const own = {}
    let [begin, end] = [0, 0]
    function load(from: number): void {
      const last = Math.min(bytes.length, from + room.length)
      begin = from
      end = Math.max(from, bytes[last - 1] === newline ? last : bytes.lastIndexOf(newline, last - 1) + 1)
      room.set(bytes.subarray(begin, end))
      loaded = own
    }
    return (from, rows, done, most) => {
      let count = done
      for (let next = from; count < most && next < bytes.length; ) {
        if (loaded !== own || next < begin || next >= end) load(next)
        const atMost = Math.min(most - count, found.length / numbersPerEvent)
        const read = made.read_events(end - begin, next - begin, atMost, begin)
        if (read === 0) break
        rows.set(found.subarray(0, read * numbersPerEvent), count * numbersPerEvent)
        if (count > 0) shareChain(bytes, rows, count, count + read)
        count += read
        next = (rows[(count - 1) * numbersPerEvent + eventRow.to] as number) + 1
        if (read < atMost && next < end) break
      }
      return count
    }
  }
}

/** Of rows that come behind others: as in readEvent, neighbours in one chain tell of one place of its id. */
function shareChain(bytes: Uint8Array, rows: Float64Array, first: number, end: number): void {
  const before = (first - 1) * numbersPerEvent
  const known = rows[before + eventRow.chainFrom] as number
  const own = rows[first * numbersPerEvent + eventRow.chainFrom] as number
  if (!isEventAt(rows, before) || chainAt(bytes, known) !== chainAt(bytes, own)) return
  for (let i = first; i < end && rows[i * numbersPerEvent + eventRow.chainFrom] === own; i += 1)
    rows[i * numbersPerEvent + eventRow.chainFrom] = known
}

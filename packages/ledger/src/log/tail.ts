// SPDX-License-Identifier: Apache-2.0

import type { Leaf } from './ledger.ts'

/** Lines that stand side by side in a ledger, newlines included. */
export type Stretch = { readonly count: number; readonly ndjson: Uint8Array }

/** A ledger as a follower reads it that keeps up: what was just appended comes from memory, the rest from the disk. */
export type Tail = {
  /** Leaves from `from` on, `linesMax` or hardly more, in bytes of the caller's own; undefined where there are none yet. */
  read(from: number, linesMax: number): Promise<Stretch | undefined>
  close(): void
}

/** What all who share it may hold in memory: bytes that are left. */
export type TailRoom = { bytes: number }

type Held = Stretch & { readonly first: number }

/** `push` is told of what was appended, in order. What finds no room is not held: it will be read from the disk. */
export function createTail(
  room: TailRoom,
  readLeaves: (from: number, linesMax: number) => Promise<readonly Leaf[]>,
  onClose: () => void,
): Tail & { push(held: Held): void } {
  const held: Held[] = []

  function drop(count: number): void {
    for (const { ndjson } of held.splice(0, count)) room.bytes += ndjson.length
  }

  function takeHeld(from: number, linesMax: number): Stretch | undefined {
    const passed = held.findIndex(({ first, count }) => first + count > from)
    drop(passed < 0 ? held.length : passed)
    const [head] = held
    if (head === undefined || head.first > from) return undefined
    const taken = [skipLines(head.ndjson, from - head.first)]
    let count = head.first + head.count - from
    for (let i = 1; i < held.length && count < linesMax; i += 1) {
      const next = held[i] as Held
      taken.push(next.ndjson)
      count += next.count
    }
    drop(taken.length)
    return { count, ndjson: join(taken) }
  }

  return {
    push: (appended) => {
      if (room.bytes < appended.ndjson.length) return drop(held.length)
      room.bytes -= appended.ndjson.length
      held.push(appended)
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

function skipLines(ndjson: Uint8Array, lines: number): Uint8Array {
  let from = 0
  for (let i = 0; i < lines; i += 1) from = ndjson.indexOf(newline, from) + 1
  return ndjson.subarray(from)
}

/** Leaves that were read together lie in one piece, each before its newline. */
function stretchOf(leaves: readonly Leaf[]): Stretch {
  const { buffer, byteOffset } = (leaves[0] as Leaf).line
  const last = (leaves.at(-1) as Leaf).line
  const length = last.byteOffset + last.length + 1 - byteOffset
  return { count: leaves.length, ndjson: join([new Uint8Array(buffer, byteOffset, length)]) }
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

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTail } from './tail.ts'

const lines = Array.from({ length: 40 }, (_, i) => `line ${i}\n`)
const bytesOf = (first: number, count: number) => Buffer.from(lines.slice(first, first + count).join(''))

/** A tail of a ledger that holds `lines`, of which `asked` says what was read from the disk. */
function openTail(room = { bytes: 1000 }) {
  const asked: number[] = []
  const tail = createTail(
    room,
    async (from, max) => {
      asked.push(from)
      const bytes = bytesOf(from, max)
      const leaves = []
      for (let at = 0, index = from; at < bytes.length; index += 1) {
        const end = bytes.indexOf('\n', at)
        leaves.push({ index, line: bytes.subarray(at, end) })
        at = end + 1
      }
      return leaves
    },
    () => undefined,
  )
  const push = (first: number, count: number) => tail.push({ first, count, ndjson: bytesOf(first, count) })
  const read = async (from: number, max = 100) => {
    const { count, ndjson } = (await tail.read(from, max)) ?? { count: 0, ndjson: new Uint8Array() }
    assert.deepEqual(Buffer.from(ndjson).toString(), lines.slice(from, from + count).join(''))
    return count
  }
  return { tail, asked, room, push, read }
}

test('what was just appended is read without the disk, from wherever the reader stands, and only so much', async () => {
  const { tail, asked, room, push, read } = openTail()
  push(3, 4)
  push(7, 1)
  push(8, 5)
  assert.deepEqual([await read(5, 3), asked], [3, []])
  assert.deepEqual([await read(8), asked], [5, []])
  assert.equal(room.bytes, 1000)
  assert.deepEqual([await read(13, 4), asked], [4, [13]])
  push(20, 2)
  tail.close()
  assert.equal(room.bytes, 1000)
})

test('what stands before it, or found no room, comes from the disk; and the same line never twice', async () => {
  const { asked, room, push, read } = openTail({ bytes: bytesOf(10, 10).length })
  push(10, 10)
  assert.deepEqual([await read(4, 8), asked], [8, [4]])
  // No room: what is held is given up, so that the next finds some.
  push(20, 1)
  assert.deepEqual([await read(12, 8), asked], [8, [4, 12]])
  push(21, 2)
  assert.deepEqual([await read(20, 1), asked], [1, [4, 12, 20]])
  assert.deepEqual([await read(21), asked], [2, [4, 12, 20]])
  assert.equal(room.bytes, bytesOf(10, 10).length)
  assert.equal(await read(40), 0)
})

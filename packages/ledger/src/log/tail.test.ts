// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256 } from '../sha256.ts'
import { parseLines } from '../verify/lines.ts'
import { createTail } from './tail.ts'

const wholeClass = 2004
const epochMs = Date.UTC(2026, 10, 21)
/** Of every five lines one has no class, one is a finding, one no event. */
const lines = Array.from({ length: 40 }, (_, i) => {
  const event = ['{"class_uid":1007}', '{"class_uid":7}', '{}', `{"class_uid":${wholeClass}}`][i % 5]
  const body = event === undefined ? '"head":{"note":"n"}' : `"event":${event}`
  const time = new Date(epochMs + i).toISOString().replace('Z', '000000Z')
  return `{"chain":"${'0f'.repeat(16)}","epoch":1,${body},"prev":"${'0'.repeat(64)}","seq":${i},"time":"${time}","v":2}\n`
})
const bytesOf = (first: number, count: number) => Buffer.from(lines.slice(first, first + count).join(''))
const isWhole = (i: number) => i % 5 >= 3
const markOf = (i: number) => (isWhole(i) ? 'whole' : `${epochMs + i} ${[1007, 7, Number.NaN][i % 5]}`)

/** A tail of a ledger that holds `lines`, of which `asked` says what was read from the disk. */
function openTail(roomBytes = 1_000_000) {
  const asked: number[] = []
  const room = { bytes: roomBytes }
  const readLeaves = async (from: number, max: number) => {
    asked.push(from)
    const bytes = bytesOf(from, max)
    const leaves = []
    for (let at = 0, index = from; at < bytes.length; index += 1) {
      const end = bytes.indexOf('\n', at)
      leaves.push({ index, line: bytes.subarray(at, end) })
      at = end + 1
    }
    return leaves
  }
  const tail = createTail(room, wholeClass, readLeaves, () => undefined)
  const push = (first: number, count: number, isOwn = false) =>
    tail.push(first, parseLines(sha256, bytesOf(first, count), count, 'a test'), isOwn)
  const read = async (from: number, max = 100) => {
    const { count, marks, ndjson } = (await tail.read(from, max)) ?? { count: 0, ndjson: new Uint8Array() }
    const leaves = Array.from({ length: count }, (_, i) => from + i)
    const due = leaves.filter((leaf) => marks === undefined || isWhole(leaf)).map((leaf) => lines[leaf])
    assert.equal(Buffer.from(ndjson).toString(), due.join(''))
    if (marks !== undefined) {
      const marked = leaves.map((_, i) =>
        Number.isNaN(marks[2 * i]) ? 'whole' : `${marks[2 * i]} ${marks[2 * i + 1]}`,
      )
      assert.deepEqual(marked, leaves.map(markOf))
    }
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
  assert.equal(room.bytes, 1_000_000)
  assert.deepEqual([await read(13, 4), asked], [4, [13]])
  push(20, 2)
  tail.close()
  assert.equal(room.bytes, 1_000_000)
})

test('what stands before it, or found no room, comes from the disk; and the same line never twice', async () => {
  const measure = openTail()
  measure.push(10, 10)
  const roomBytes = 1_000_000 - measure.room.bytes
  const { asked, room, push, read } = openTail(roomBytes)
  push(10, 10)
  assert.deepEqual([await read(4, 8), asked], [8, [4]])
  // No room: what is held is given up, so that the next finds some.
  push(20, 1)
  assert.deepEqual([await read(12, 8), asked], [8, [4, 12]])
  push(21, 2)
  assert.deepEqual([await read(20, 1), asked], [1, [4, 12, 20]])
  assert.deepEqual([await read(21), asked], [2, [4, 12, 20]])
  assert.equal(room.bytes, roomBytes)
  assert.equal(await read(40), 0)
})

test('lines of the ledger itself are handed on whole', async () => {
  const { tail, push } = openTail()
  push(0, 1, true)
  const { marks, ndjson } = (await tail.read(0, 1)) ?? {}
  assert.deepEqual([marks?.[0], Buffer.from(ndjson ?? []).toString()], [Number.NaN, lines[0]])
})

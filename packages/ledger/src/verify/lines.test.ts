// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { canonicalize, type JsonObject, parseRfc3339, rfc3339 } from '@sealwatch/base'
import fc from 'fast-check'
import { sha256 } from '../sha256.ts'
import { eventRow, numbersPerEvent } from './event-row.ts'
import { noHash } from './line.ts'
import { parseLines, splitLines } from './lines.ts'
import { leafHash } from './merkle.ts'

const envelope = { chain: '0f'.repeat(16), epoch: 0, seq: 7, time: '2026-11-21T12:00:00.000000001Z', v: 1 }
const event = { a: { b: ['é', 1, '\n"'] }, class_uid: 1007, z: null }
const oneByOne = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer')
const bytesOf = (lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\n`).join(''))

test('many lines in one piece are the lines, their hashes and their bytes', () => {
  const prev = noHash
  const lines = [
    canonicalize({ ...envelope, prev, event }),
    canonicalize({ ...envelope, prev, head: { note: 'n' } }),
    canonicalize({ ...envelope, prev, event: { é: 1 } }),
    canonicalize({ ...envelope, prev, chain: 'aa'.repeat(16), event }),
  ]
  const bytes = bytesOf(lines)
  for (const hashes of [sha256, oneByOne]) {
    const read = parseLines(hashes, bytes, 4, 'testing')
    assert.deepEqual(Buffer.from(read.ndjson), bytes)
    assert.equal(read.count, 4)
    for (const [i, line] of lines.entries()) {
      const parsed = read.lineAt(i)
      assert.equal(Buffer.from(parsed.bytes).toString(), line)
      assert.deepEqual(parsed.line, JSON.parse(line))
      const due = Buffer.from(leafHash(sha256, Buffer.from(line)))
      assert.deepEqual(Buffer.from(parsed.hash), due)
      assert.deepEqual(Buffer.from(read.hashes.subarray(i * 32, i * 32 + 32)), due)
    }
    assert.deepEqual([...read.others.keys()], [1, 2])
    assert.equal(bytes.toString(), `${lines.join('\n')}\n`)
  }
  assert.throws(() => parseLines(sha256, bytes, 3, 'testing'), { code: 'LINE_MALFORMED' })
  assert.throws(() => parseLines(sha256, bytes.subarray(0, -1), 4, 'testing'), { code: 'LINE_MALFORMED' })
  assert.throws(() => parseLines(sha256, Buffer.from('\n'.repeat(5)), 9, 'testing'), { code: 'JSON_MALFORMED' })
  assert.throws(() => parseLines(sha256, bytes, 4, 'testing').lineAt(4), RangeError)
  assert.equal(parseLines(sha256, new Uint8Array(0), 4, 'testing').count, 0)
})

test('one line is next to another where the line itself says that it follows', () => {
  const other = <T>(usual: T, unusual: T) =>
    fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constant(unusual))
  const step = fc.record({
    chain: other(envelope.chain, 'aa'.repeat(16)),
    epoch: other(3, 4),
    by: other(1, 2),
    isLinked: other(true, false),
    body: other<JsonObject>({ event }, { head: { note: 'n' } }),
  })
  let nexts = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) => {
      let [seq, prev] = [0, noHash]
      const texts = steps.map(({ chain, epoch, by, isLinked, body }) => {
        seq += by
        const text = canonicalize({ ...envelope, v: 2, chain, epoch, seq, prev: isLinked ? prev : noHash, ...body })
        prev = Buffer.from(leafHash(sha256, Buffer.from(text))).toString('hex')
        return text
      })
      const read = parseLines(sha256, bytesOf(texts), 8, 'testing')
      for (let i = 1; i < read.count; i += 1) {
        const due = read.lineAt(i).follows(read.lineAt(i - 1))
        assert.equal(read.isNext(i), due, texts.slice(i - 1, i + 1).join('\n'))
        if (due) nexts += 1
      }
      assert.equal(read.isNext(0), false)
    }),
  )
  assert.ok(nexts > 50)
})

test('a row holds what its line says', () => {
  const number = fc.oneof(fc.nat(), fc.constantFrom(999_999_999_999_999, 1e15, -1, 0.5, '1', null, [1]))
  const members = fc.dictionary(fc.constantFrom('class_uid', 'activity_id', 'severity_id', 'severity_ix', 'a'), number)
  const times = fc.oneof(fc.bigInt(0n, 4_000_000_000_000_000_000n), fc.bigInt(0n, 3_000_000_000n))
  fc.assert(
    fc.property(fc.array(fc.tuple(members, times, fc.nat()), { minLength: 1, maxLength: 6 }), (events) => {
      const lines = events.map(([body, ns, seq]) => ({
        ...envelope,
        seq,
        prev: noHash,
        time: rfc3339(ns),
        event: body,
      }))
      const { rows, others } = parseLines(sha256, bytesOf(lines.map(canonicalize)), 6, 'testing')
      assert.equal(others.size, 0)
      for (const [i, { seq, time, event: body }] of lines.entries()) {
        const at = (name: keyof typeof eventRow) => rows[i * numbersPerEvent + eventRow[name]]
        assert.equal(at('seq'), seq)
        assert.equal(at('timeMs'), Number((parseRfc3339(time) as bigint) / 1_000_000n))
        const due = (name: string) => {
          const value = (body as Record<string, unknown>)[name]
          return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 1e15 ? value : Number.NaN
        }
        assert.deepEqual(
          [at('classUid'), at('activityId'), at('severityId')],
          [due('class_uid'), due('activity_id'), due('severity_id')],
        )
      }
    }),
  )
  const head = canonicalize({ ...envelope, prev: noHash, head: { note: 'n' } })
  const { rows } = parseLines(sha256, bytesOf([head]), 1, 'testing')
  assert.deepEqual([...rows.subarray(0, 3)], [0, head.length, 0])
  assert.deepEqual([...rows.subarray(eventRow.prevFrom)], new Array(numbersPerEvent - eventRow.prevFrom).fill(0))
})

test('NDJSON is split into lines that all end in a newline, up to a limit', () => {
  const split = (text: string, linesMax = 3) =>
    splitLines(Buffer.from(text), linesMax, 'testing').map((line) => Buffer.from(line).toString())
  assert.deepEqual(split('a\nb\n\n'), ['a', 'b', ''])
  assert.deepEqual(split(''), [])
  assert.throws(() => split('a\nb'), { code: 'LINE_MALFORMED' })
  assert.throws(() => split('a\nb\nc\nd\n'), { code: 'LINE_MALFORMED' })
})

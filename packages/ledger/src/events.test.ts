// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { canonicalize, type JsonObject, rfc3339 } from '@sealwatch/base'
import fc from 'fast-check'
import { openReadEvents } from './events.ts'
import { sha256 } from './sha256.ts'
import { eventRow, numbersPerEvent, readEvent } from './verify/event-row.ts'
import { noHash } from './verify/line.ts'
import { parseLines } from './verify/lines.ts'

const open = openReadEvents()

/** Mostly what the one reader of events takes, so that there is something to compare. */
const mostly = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: unusual })
const names = mostly(
  fc.constantFrom('class_uid', 'activity_id', 'severity_id', 'a', 'a!', 'a b', 'ab', '', 'x'.repeat(40)),
  fc.constant('é'),
)
const scalars = mostly<unknown>(
  fc.oneof(
    fc.nat(),
    fc.constantFrom(0, -1, 999_999_999_999_999, '"\\\b\f\n\r\t\u0001\u001f', '𐍈é€', true, false, null),
    fc.string({ maxLength: 6 }),
  ),
  fc.constantFrom(0.5, 1e21, 1e15, '\u007f'),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalars,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 3 }),
  ),
}))
const line = fc
  .record({
    chain: fc.constantFrom('0f'.repeat(16), 'aa'.repeat(16)),
    epoch: mostly(fc.constantFrom(0, 3), fc.constant(2 ** 53 - 1)),
    event: fc.dictionary(names, value, { maxKeys: 4 }),
    prev: fc.constant(noHash),
    seq: mostly(fc.constantFrom(0, 7, 999_999_999_999_999), fc.constant(2 ** 53 - 1)),
    time: fc.bigInt(0n, 8_000_000_000_000_000_000n).map(rfc3339),
    v: mostly(fc.constant(2), fc.constantFrom(1, 3)),
  })
  .map((whole) => Buffer.from(`${canonicalize(whole as unknown as JsonObject)}\n`))

/** How far the one reader of events comes, line after line. */
function oneByOne(bytes: Uint8Array, most: number): Float64Array {
  const rows = new Float64Array(most * numbersPerEvent)
  let count = 0
  for (let from = 0; from < bytes.length && count < most; count += 1) {
    from = readEvent(bytes, from, rows, count * numbersPerEvent) + 1
    if (from === 0) break
  }
  return rows.subarray(0, count * numbersPerEvent)
}

/** What native code takes for events are events, with the same rows; it may stop before. Returns how many it took. */
function hold(bytes: Uint8Array): { taken: number; due: number } {
  const due = oneByOne(bytes, 8)
  const rows = new Float64Array(8 * numbersPerEvent)
  const before = Buffer.from(bytes)
  const taken = open(bytes)(0, rows, 0, 8)
  assert.deepEqual(Buffer.from(bytes), before)
  const text = Buffer.from(bytes).toString('latin1')
  assert.ok(taken * numbersPerEvent <= due.length, text)
  for (const [i, number] of rows.subarray(0, taken * numbersPerEvent).entries())
    assert.ok(Object.is(number, due[i]), `${i}: ${number} where ${due[i]} is due, of ${text}`)
  return { taken, due: due.length / numbersPerEvent }
}

test('the code that is committed is what its source makes', (context) => {
  const native = new URL('../native', import.meta.url).pathname
  const tools = spawnSync('sh', ['-c', 'command -v clang wasm-ld make'])
  if (tools.status !== 0) return context.skip('clang, lld or make is missing: tools/setup test')
  const { status, stdout, stderr } = spawnSync('make', ['-C', native, 'check-events'], { encoding: 'utf8' })
  assert.equal(status, 0, `${stdout}${stderr}`)
})

test('events that are read many at a time have the rows of those that are read one by one', () => {
  let [all, taken] = [0, 0]
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      const held = hold(Buffer.concat(lines))
      all += held.due
      taken += held.taken
    }),
  )
  assert.ok(all > 60 && taken > all / 2, `${taken} of ${all}`)
})

test('bytes that are anything are events for native code only where they are', () => {
  const plain = '"é€\\u001f\\n":,[]{}0129-+.eE \n\u0000\u007f'
  const bytes = fc.oneof(fc.constantFrom(...Buffer.from(plain)), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(
      line,
      fc.double({ min: 0, max: 1, noNaN: true }),
      bytes,
      fc.constantFrom(0, 1, 2),
      (whole, at, byte, cut) => {
        const place = Math.min(whole.length - 1, Math.floor(at * whole.length))
        const changed = Buffer.concat([
          whole.subarray(0, place),
          ...(cut === 2 ? [] : [Buffer.of(byte)]),
          whole.subarray(place + (cut === 0 ? 0 : 1)),
        ])
        hold(changed)
        hold(whole.subarray(0, place))
      },
    ),
    { numRuns: 1000 },
  )
})

test('each fault of an event is left for the reader that says what is wrong', () => {
  const text = (event: string, time = '2024-02-29T23:59:59.999999999Z', v = '2', seq = '1') =>
    `{"chain":"${'0f'.repeat(16)}","epoch":0,"event":${event},"prev":"${noHash}","seq":${seq},"time":"${time}","v":${v}}`
  const took = (...lines: string[]) => hold(Buffer.from(lines.map((each) => `${each}\n`).join(''))).taken
  assert.equal(took(text('{}'), text('{"a":[[],{}]}'), text('{"a":1,"b":2}')), 3)
  const nested = (depth: number) => text(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`)
  assert.equal(took(nested(30)), 1)
  assert.equal(took(nested(31)), 0)
  const wrong = [
    '{"b":1,"a":1}',
    '{"a":1,"a":1}',
    '{"ab":1,"a":1}',
    '{"a":01}',
    '{"a":-0}',
    '{"a":1.0}',
    '{"a":"\\/"}',
    '{"a":"\\u0041"}',
    '{"a":"\\u000A"}',
    '{"a":"\\u000a"}',
    '{"a": 1}',
    '{"a":1,}',
    '{"a":[1,]}',
    '{"a":[1}',
    '{"a"}',
    '{"a":}',
    '{"a":nul}',
    '[]',
  ]
  for (const event of wrong) assert.equal(took(text(event)), 0, event)
  for (const time of ['2023-02-29', '2024-13-01', '2024-00-01', '2024-01-32', '2024-01-00', '1969-12-31', '2024/01/01'])
    assert.equal(took(text('{}', `${time}T00:00:00.000000000Z`)), 0, time)
  for (const time of ['24:00:00', '00:60:00', '00:00:60'])
    assert.equal(took(text('{}', `2024-01-01T${time}.000000000Z`)), 0, time)
  assert.equal(took(text('{}', '1900-01-01T00:00:00.000000000Z')), 0)
  assert.equal(took(text('{}', '2100-02-28T00:00:00.000000000Z'), text('{}', '2100-03-01T00:00:00.000000000Z')), 2)
  for (const v of ['3', '1.0', '22', '']) assert.equal(took(text('{}', undefined, v)), 0, v)
  for (const seq of ['01', '-1', '', '9007199254740993', '1e1'])
    assert.equal(took(text('{}', undefined, '2', seq)), 0, seq)
})

test('where there is no event, or none that is whole, there is no row', () => {
  const rows = new Float64Array(2 * numbersPerEvent)
  for (const [text, from] of [
    ['no event\n', 0],
    ['no event\n', 9],
    ['no event\n', 90],
    ['', 0],
    ['{"chain":"', 0],
  ] as const)
    assert.equal(open(Buffer.from(text))(from, rows, 1, 2), 1)
})

test('rows go on behind others, in pieces of any length, while other bytes are read in between', () => {
  const text = (seq: number, fill: number) =>
    canonicalize({
      chain: (seq % 5 < 3 ? '0f' : 'aa').repeat(16),
      epoch: 0,
      event: { a: 'x'.repeat(fill), ...(seq % 7 === 0 && { b: 0.5 }) },
      prev: noHash,
      seq,
      time: rfc3339(0n),
      v: 2,
    })
  const bytes = Buffer.from(Array.from({ length: 3000 }, (_, seq) => `${text(seq, (seq * 37) % 400)}\n`).join(''))
  const due = oneByOne(bytes, 3000)
  const rows = new Float64Array(due.length)
  const [read, other] = [open(bytes), open(Buffer.from(`${text(1, 60_000)}\n`))]
  for (let [from, count, turn] = [0, 0, 0]; count < 3000; turn += 1) {
    const done = read(from, rows, count, Math.min(3000, count + 1 + (turn % 1500)))
    if (turn % 3 === 0) assert.equal(other(0, new Float64Array(numbersPerEvent), 0, 1), 1)
    if (done === count) readEvent(bytes, from, rows, count * numbersPerEvent)
    count = Math.max(done, count + 1)
    from = (rows[(count - 1) * numbersPerEvent + eventRow.to] as number) + 1
  }
  assert.deepEqual(rows, due)
})

test('lines are the same with native code and without, events among others', () => {
  const { events: _, ...bare } = { ...sha256 }
  const slow = Object.assign((data: Uint8Array) => sha256(data), bare)
  const head = Buffer.from(
    `${canonicalize({ chain: '0f'.repeat(16), epoch: 0, head: { note: 'n' }, prev: noHash, seq: 1, time: rfc3339(0n), v: 1 })}\n`,
  )
  const sound = line.filter((bytes) => !bytes.includes('"v":3'))
  fc.assert(
    fc.property(fc.array(fc.oneof(sound, fc.constant(head)), { maxLength: 8 }), (lines) => {
      const bytes = Buffer.concat(lines)
      const read = (hashes: typeof slow) => {
        try {
          const { count, rows, hashes: leaves, others } = parseLines(hashes, bytes, 8, 'testing')
          return { count, rows: rows.subarray(0, count * numbersPerEvent), leaves, others: [...others.keys()] }
        } catch (error) {
          return error
        }
      }
      assert.deepEqual(read(sha256), read(slow))
    }),
  )
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize, type Json, parseRfc3339 } from '@sealwatch/base'
import canonicalizeByLibrary from 'canonicalize'
import fc from 'fast-check'
import { sha256 } from '../sha256.ts'
import { readEventLine } from './event-line.ts'
import { noHash, parseLine } from './line.ts'

const envelope = {
  chain: '0f'.repeat(16),
  epoch: 0,
  prev: 'ab'.repeat(32),
  seq: 7,
  time: '2026-11-21T12:00:00.000000001Z',
  v: 1,
}
const event = { a: { b: ['é', 1, '\n"'] }, class_uid: 1007, z: null }
const read = (bytes: Uint8Array) => {
  const line = readEventLine(bytes, 0, undefined)
  return line?.to === bytes.length ? line : undefined
}

/** What a line of an event is, as line.md says it, by the slowest means. */
function isEventLine(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const line = JSON.parse(text) as Record<string, Json>
    const { chain, epoch, prev, seq, time, v } = line
    return (
      canonicalizeByLibrary(line) === text &&
      Object.keys(line).join() === 'chain,epoch,event,prev,seq,time,v' &&
      typeof line.event === 'object' &&
      line.event !== null &&
      !Array.isArray(line.event) &&
      /^[0-9a-f]{32}$/.test(String(chain)) &&
      /^[0-9a-f]{64}$/.test(String(prev)) &&
      typeof chain === 'string' &&
      typeof prev === 'string' &&
      Number.isSafeInteger(seq) &&
      (seq as number) >= 0 &&
      typeof time === 'string' &&
      parseRfc3339(time) !== undefined &&
      (v === 1 ? epoch === 0 : v === 2 && Number.isSafeInteger(epoch) && (epoch as number) >= 0)
    )
  } catch {
    return false
  }
}

test('the line of an event is read without a look at the slow way, and is the same line', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: fc.constantFrom(...'abc_9') }), fc.jsonValue({ noUnicodeString: false })),
      fc.nat(),
      (body, seq) => {
        const line = { ...envelope, seq, event: JSON.parse(JSON.stringify(body)) as object }
        const bytes = Buffer.from(canonicalize(line))
        const parsed = read(bytes)
        // Keys within values may be of any kind: those are the slow way's.
        if (parsed === undefined) return
        assert.deepEqual(parsed.line, line)
        assert.deepEqual([parsed.kind, parsed.chain, parsed.seq], ['event', line.chain, seq])
        assert.equal(parsed.bytes, bytes)
      },
    ),
  )
  for (const seq of [0, 1, 9_007_199_254_740_991])
    assert.equal(read(Buffer.from(canonicalize({ ...envelope, event, seq })))?.seq, seq)
  assert.deepEqual(read(Buffer.from(canonicalize({ ...envelope, event: {} })))?.line, { ...envelope, event: {} })
})

test('line.md 1, 2: no change to any byte is let through that the definition refuses', () => {
  for (const v of [1, 2]) holdEveryByte(Buffer.from(canonicalize({ ...envelope, event, v, epoch: v === 1 ? 0 : 17 })))
})

function holdEveryByte(text: Buffer): void {
  assert.ok(isEventLine(text) && read(text) !== undefined)
  let taken = 0
  for (let at = 0; at < text.length; at += 1) {
    for (let byte = 0; byte < 256; byte += 1) {
      const other = Buffer.from(text)
      other[at] = byte
      if (read(other) === undefined) continue
      taken += 1
      assert.ok(isEventLine(other), other.toString())
    }
    const shorter = Buffer.concat([text.subarray(0, at), text.subarray(at + 1)])
    assert.ok(read(shorter) === undefined || isEventLine(shorter), shorter.toString())
    assert.equal(read(text.subarray(0, at)), undefined)
  }
  assert.ok(taken > text.length)
}

test('times that do not exist are refused, as parseRfc3339 refuses them', () => {
  const parts = fc.tuple(
    fc.constantFrom(0, 1969, 1970, 1999, 2000, 2024, 2026, 2100, 9999),
    fc.nat(13),
    fc.nat(32),
    fc.nat(25),
    fc.nat(61),
    fc.nat(61),
  )
  const digits = (value: number, length: number) => String(value).padStart(length, '0')
  fc.assert(
    fc.property(parts, ([year, month, day, hour, minute, second]) => {
      const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`
      const time = `${date}T${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}.123456789Z`
      const isRead = read(Buffer.from(canonicalize({ ...envelope, event, time }))) !== undefined
      assert.equal(isRead, parseRfc3339(time) !== undefined, time)
    }),
    { numRuns: 2_000 },
  )
})

test('a line follows another when its number and its prev say so, and its chain is the same', () => {
  const lineAfter = (seq: number, prev: string, chain = envelope.chain) =>
    parseLine(sha256, Buffer.from(canonicalize({ ...envelope, chain, seq, prev, event })), 'testing')
  const first = lineAfter(7, noHash)
  const tip = first.hash.toHex()
  assert.ok(lineAfter(8, tip).follows(first))
  const others = [lineAfter(9, tip), lineAfter(8, noHash), lineAfter(8, tip, 'aa'.repeat(16))]
  others.push(
    lineAfter(
      8,
      tip.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
    ),
  )
  for (const other of others) assert.ok(!other.follows(first))
})

test('chain.md 5: an event follows an event of its own epoch alone; behind a head or a close somebody has to look', () => {
  const line = (body: object, seq: number, prev: string, epoch: number) =>
    parseLine(sha256, Buffer.from(canonicalize({ ...envelope, v: 2, epoch, seq, prev, ...body })), 'testing')
  const close = { next_key: noHash, first_seq: 0, lines: 7, acknowledged: { next_seq: 0, checkpoint: null } }
  for (const [body, follows] of [
    [{ event }, true],
    [{ head: { note: 'n' } }, false],
    [{ close }, false],
  ] as const) {
    const first = line(body, 7, noHash, 3)
    const tip = first.hash.toHex()
    assert.equal(line({ event }, 8, tip, 3).follows(first), follows)
    assert.ok(!line({ event }, 8, tip, 4).follows(first))
    assert.ok(!line({ event }, 8, tip, 2).follows(first))
  }
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type ShipRequest, ShipRequestSchema } from '@sealwatch/contract'
import fc from 'fast-check'
import { releaseMessage } from './release-message.ts'

const message = fc.record({
  chain: fc.oneof(fc.constant('a'.repeat(32)), fc.string({ unit: 'grapheme', maxLength: 200 })),
  firstSeq: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  count: fc.nat({ max: 2 ** 32 - 1 }),
  lines: fc.integer({ min: 64 * 1024, max: 70_000 }).map((length) => new Uint8Array(length).fill(0x61)),
  side: fc.array(
    fc.record({ seq: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), values: fc.uint8Array({ maxLength: 300 }) }),
    { maxLength: 5 },
  ),
})
const encoded = (of: Parameters<typeof create<typeof ShipRequestSchema>>[1]) =>
  toBinary(ShipRequestSchema, create(ShipRequestSchema, of))

/** A message as it is decoded from where it lies. */
function placed(bytes: Uint8Array, before: number, after: number): ShipRequest {
  const memory = new Uint8Array(before + bytes.length + after)
  memory.set(bytes, before)
  return fromBinary(ShipRequestSchema, memory.subarray(before, before + bytes.length))
}

test('memory that holds a message and nothing else is given back', () => {
  fc.assert(
    fc.property(message, (of) => {
      const read = placed(encoded(of), 0, 0)
      assert.equal(releaseMessage(read), true)
      assert.equal(read.lines.length, 0)
    }),
    { numRuns: 50 },
  )
})

test('memory that holds a single byte more is left alone', () => {
  fc.assert(
    fc.property(message, fc.constantFrom([0, 1], [1, 0], [0, 8], [5, 70_000] as const), (of, [before, after]) => {
      const read = placed(encoded(of), before as number, after as number)
      assert.equal(releaseMessage(read), false)
      assert.deepEqual(Buffer.from(read.lines), Buffer.from(of.lines))
    }),
    { numRuns: 50 },
  )
})

test('small messages, and memory that threads share, are left alone', () => {
  const small = placed(encoded({ chain: 'a', count: 1, lines: new Uint8Array(100) }), 0, 0)
  const shared = { ...small, lines: new Uint8Array(new SharedArrayBuffer(100_000)) } as ShipRequest
  for (const each of [small, shared]) assert.equal(releaseMessage(each), false)
  assert.equal(small.lines.length, 100)
})

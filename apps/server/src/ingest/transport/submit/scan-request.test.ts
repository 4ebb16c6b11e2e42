// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { Form, SubmitRequestSchema, type SubmittedRowsSchema } from '@sealwatch/contract'
import fc from 'fast-check'
import { createRequestScan } from './scan-request.ts'

const framed = (message: Uint8Array) => {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** What the scan says of bytes that come in pieces of a size. */
function faultOf(bytes: Uint8Array, size = bytes.length): string | undefined {
  const scan = createRequestScan()
  for (let at = 0; at < bytes.length; at += size) {
    const fault = scan(bytes.subarray(at, at + size))
    if (fault !== undefined) return fault
  }
  return undefined
}

const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const some = fc.array(
  fc.record({
    id: text,
    form: fc.constantFrom(Form.UNSPECIFIED, Form.DETACHED, Form.DSSE),
    payload: fc.uint8Array({ maxLength: 300 }),
    payloadType: text,
    keyId: text,
    algorithm: text,
    signature: fc.uint8Array({ maxLength: 80 }),
  }),
  { maxLength: 8 },
)
const bytesOf = (submissions: MessageInitShape<typeof SubmittedRowsSchema>[]) =>
  framed(toBinary(SubmitRequestSchema, create(SubmitRequestSchema, { submissions })))

test('whatever a client of ours sends passes, in pieces of any size', () => {
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 50 }), (submissions, size) => {
      assert.equal(faultOf(bytesOf(submissions), size), undefined)
    }),
  )
})

test('what would make many objects of few bytes is refused where it begins, in pieces of any size', () => {
  const empty = [0x0a, 0x00]
  const submission = (...members: number[]) => framed(Uint8Array.of(0x0a, members.length, ...members))
  const flagged = (flag: number) => bytesOf([{ id: 'a' }]).fill(flag, 0, 1)
  const many = (count: number) => framed(new Uint8Array(2 * count).map((_, i) => empty[i % 2] as number))
  const wrong: [string, Uint8Array][] = [
    ['101 submissions', many(101)],
    ['a million', many(1_000_000)],
    ['another member of the request', framed(Uint8Array.of(0x12, 0))],
    ['another member of a submission', submission(0x42, 0)],
    ['a member of another kind', submission(0x08, 0)],
    ['a member twice', submission(0x0a, 0, 0x0a, 0)],
    ['a member beyond its submission', submission(0x0a, 9)],
    ['a length without an end', framed(new Uint8Array(40).fill(0x8a).fill(0x0a, 0, 1))],
    ['a number without an end', submission(0x10, ...new Array<number>(30).fill(0x80))],
    ['a submission that ends in a length', submission(0x0a, 0x80)],
    ['an id that is no UTF-8', submission(0x0a, 2, 0xff, 0xfe)],
    ['an algorithm that ends within a character', submission(0x32, 1, 0xc3, 0x3a, 0)],
    ['a message that is said to be compressed', flagged(1)],
    ['a message with a flag that is none', flagged(2)],
    ['a second message', Buffer.concat([bytesOf([{ id: 'a' }]), bytesOf([{ id: 'b' }])])],
  ]
  for (const [what, bytes] of wrong)
    for (const size of [1, 3, bytes.length]) assert.notEqual(faultOf(bytes, size), undefined, what)
  assert.equal(faultOf(many(100)), undefined)
})

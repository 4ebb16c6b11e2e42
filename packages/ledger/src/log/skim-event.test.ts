// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize } from '@sealwatch/base'
import fc from 'fast-check'
import { type EventSkim, skimEvent } from './skim-event.ts'

const envelope = {
  chain: '0f'.repeat(16),
  epoch: 0,
  prev: 'ab'.repeat(32),
  seq: 7,
  time: '2026-11-21T12:34:56.789000001Z',
  v: 1,
}
const other = Buffer.from('ff'.repeat(16))
const skimIn = (bytes: Uint8Array, from: number, to: number, own: Uint8Array = other): EventSkim | undefined => {
  const skim = { timeMs: 0, classUid: null }
  return skimEvent(bytes, from, to, own, skim) ? skim : undefined
}
/** Between other lines, as it stands in a batch. */
const skim = (line: object, own?: Uint8Array) => {
  const text = Buffer.from(canonicalize(line))
  const before = Buffer.from('{"chain"}\n')
  const bytes = Buffer.concat([before, text, Buffer.from('\n"class_uid":9,'.repeat(9))])
  return skimIn(bytes, before.length, before.length + text.length, own)
}

test('an index sees of an event what a parser sees: its time, and its class where that is a whole number', () => {
  const key = fc.oneof(
    fc.constantFrom('a', 'b', 'class', 'class_uid', 'class_uid2', 'd', 'zz', '', 'a":', '",":', ',', ':', 'b\\'),
    fc.string({ unit: fc.constantFrom('"', ':', ',', '\\', '1'), maxLength: 6 }),
  )
  const value = fc.oneof(fc.nat(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.jsonValue())
  const time = fc.date({ min: new Date(0), max: new Date('2199-12-31T23:59:59.999Z'), noInvalidDate: true })
  fc.assert(
    fc.property(fc.dictionary(key, value), time, (event, at) => {
      const found = skim({ ...envelope, time: at.toISOString().replace('Z', '000001Z'), event })
      // (Canonical JSON has no negative zero.) Keys beyond ASCII somewhere within: the parser's.
      if (found === undefined) return
      const { class_uid: given } = event
      const isWhole = Number.isSafeInteger(given) && (given as number) >= 0 && (given as number) < 1e15
      assert.deepEqual(found, { timeMs: at.getTime(), classUid: isWhole ? Number(given) + 0 : null })
    }),
    { numRuns: 2000 },
  )
})

test('no name is cut at a quote within it: whoever seals an event does not choose how it is misread', () => {
  const event = { '!":': 5, ',': ':5,', ':1}': 0, class_uid: 1008 }
  assert.equal(skim({ ...envelope, event }), undefined)
})

test('only the line of an event that the server did not write is skimmed, and bytes that were damaged never throw', () => {
  assert.equal(skim({ ...envelope, head: { note: 'n' } }), undefined)
  assert.equal(skim({ ...envelope, tenant_head: {} }), undefined)
  assert.equal(skim({ ...envelope, event: {} }, Buffer.from(envelope.chain)), undefined)
  assert.equal(skim({ ...envelope, event: {} })?.classUid, null)
  const text = Buffer.from(canonicalize({ ...envelope, event: { a: 1, b: { c: ['d'] }, class_uid: 1007 } }))
  for (let at = 0; at < text.length; at += 1) {
    skimIn(text.subarray(0, at), 0, at)
    skimIn(text, 0, at)
    for (const byte of [0, 0x22, 0x2c, 0x7d, 0xff]) skimIn(Buffer.from(text).fill(byte, at, at + 1), 0, text.length)
  }
})

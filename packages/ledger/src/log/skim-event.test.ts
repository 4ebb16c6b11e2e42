// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalize } from '@sealwatch/base'
import fc from 'fast-check'
import { skimEvent } from './skim-event.ts'

const envelope = {
  chain: '0f'.repeat(16),
  epoch: 0,
  prev: 'ab'.repeat(32),
  seq: 7,
  time: '2026-11-21T12:34:56.789000001Z',
  v: 1,
}
const names = ['class_uid', 'a', 'zz']
const wanted = names.map((name) => Buffer.from(name))
const skim = (line: object) => skimEvent(Buffer.from(canonicalize(line)), wanted)

test('an index sees of an event what a parser sees: its chain, its time, the whole numbers at its top', () => {
  const key = fc.constantFrom('a', 'b', 'class', 'class_uid', 'zz', 'zzz')
  const value = fc.oneof(fc.nat(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.jsonValue())
  fc.assert(
    fc.property(fc.dictionary(key, value), (event) => {
      const found = skim({ ...envelope, event })
      // (Canonical JSON has no negative zero.) Keys beyond ASCII somewhere within: the parser's.
      if (found === undefined) return
      const whole = (given: unknown) =>
        Number.isSafeInteger(given) && (given as number) >= 0 && (given as number) < 1e15
      const due = names.map((name) =>
        Object.hasOwn(event, name) && whole(event[name]) ? Number(event[name]) + 0 : null,
      )
      assert.deepEqual(found, { chain: envelope.chain, timeMs: Date.parse('2026-11-21T12:34:56.789Z'), numbers: due })
    }),
  )
})

test('only the line of an event is skimmed, and bytes that were damaged never throw', () => {
  assert.equal(skim({ ...envelope, head: { note: 'n' } }), undefined)
  assert.equal(skim({ ...envelope, tenant_head: {} }), undefined)
  assert.deepEqual(skim({ ...envelope, event: {} })?.numbers, [null, null, null])
  const text = Buffer.from(canonicalize({ ...envelope, event: { a: 1, b: { c: ['d'] }, class_uid: 1007 } }))
  for (let at = 0; at < text.length; at += 1) {
    skimEvent(text.subarray(0, at), wanted)
    for (const byte of [0, 0x22, 0x2c, 0x7d, 0xff]) skimEvent(Buffer.from(text).fill(byte, at, at + 1), wanted)
  }
})

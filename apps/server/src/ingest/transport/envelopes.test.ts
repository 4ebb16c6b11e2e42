// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Code, ConnectError } from '@connectrpc/connect'
import { encodeEnvelope } from '@connectrpc/connect/protocol'
import fc from 'fast-check'
import { createEnvelopes } from './envelopes.ts'

const bytesMax = 100
const saysCode = (code: Code) => (error: unknown) => error instanceof ConnectError && error.code === code

test('messages come whole and in their order, wherever the wire cuts them, each in memory of its own', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: bytesMax }), { maxLength: 8 })
  fc.assert(
    fc.property(messages, fc.array(fc.nat(40), { maxLength: 60 }), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map((each) => encodeEnvelope(0, each)))
      const envelopes = createEnvelopes(bytesMax)
      const came: Uint8Array[] = []
      let at = 0
      for (const cut of [...cuts, bytes.length]) {
        came.push(...envelopes.read(bytes.subarray(at, at + cut)))
        at += cut
      }
      assert.deepEqual(came, sent)
      assert.equal(envelopes.isWithin, false)
      for (const each of came) assert.equal(each.buffer.byteLength, each.length)
    }),
  )
})

test('what is cut off is told, within the prefix and within the message', () => {
  const whole = encodeEnvelope(0, new Uint8Array(3))
  for (let length = 1; length < whole.length; length += 1) {
    const envelopes = createEnvelopes(bytesMax)
    assert.deepEqual([...envelopes.read(whole.subarray(0, length))], [])
    assert.equal(envelopes.isWithin, true, `${length} bytes`)
  }
})

test('a message that is too long, compressed, or of another kind is refused by its prefix', () => {
  const read = (prefix: readonly number[]) => [...createEnvelopes(bytesMax).read(Uint8Array.from(prefix))]
  assert.throws(() => read([0, 0, 0, 0, bytesMax + 1]), saysCode(Code.ResourceExhausted))
  assert.throws(() => read([0, 255, 255, 255, 255]), saysCode(Code.ResourceExhausted))
  for (const flags of [1, 2, 128]) assert.throws(() => read([flags, 0, 0, 0, 1]), saysCode(Code.InvalidArgument))
})

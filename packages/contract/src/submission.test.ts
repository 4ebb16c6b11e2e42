// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { payloadOf, rowFault, rowsOf, submissionLimits } from './submission.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const faultOf = (payload: Uint8Array) => {
  const read = rowsOf(payload)
  return 'fault' in read ? read.fault : undefined
}

test('rows make one payload, and the payload the same rows again (submission.md, 2.3)', () => {
  const row = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => rowFault(text) === undefined)
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
      assert.deepEqual(rowsOf(payloadOf(rows)), { rows })
    }),
  )
})

test('whatever is not exactly the payload of some rows is refused: no two payloads have the same rows', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (payload) => {
      const read = rowsOf(payload)
      if ('rows' in read) assert.deepEqual(payloadOf(read.rows), payload)
    }),
  )
  const wrong: [string, Uint8Array][] = [
    ['nothing', bytes('')],
    ['a newline', bytes('\n')],
    ['one row with a newline', bytes('a\n')],
    ['a last row without', bytes('a\nb')],
    ['an empty row', bytes('a\n\nb\n')],
    ['a NUL', bytes('a\0')],
    ['an escape', bytes('a\u001b[0m')],
    ['no UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['half a character', bytes('ä').subarray(0, 1)],
    ['a surrogate in UTF-8', Uint8Array.of(0xed, 0xa0, 0x80)],
    ['a long row', bytes('x'.repeat(submissionLimits.rowBytesMax + 1))],
    ['a long row of wide characters', bytes('€'.repeat(10_001))],
    ['many rows', bytes('x\n'.repeat(submissionLimits.rowsMax + 1))],
    ['a large payload', bytes(`${'x'.repeat(29_999)}\n`.repeat(36))],
  ]
  for (const [what, payload] of wrong) assert.notEqual(faultOf(payload), undefined, what)
  assert.equal(faultOf(bytes('x\n'.repeat(submissionLimits.rowsMax))), undefined)
  assert.equal(faultOf(bytes('x'.repeat(submissionLimits.rowBytesMax))), undefined)
})

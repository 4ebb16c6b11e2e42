// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Diff, diffOf } from './diff.ts'

const told = (diff: unknown, value?: string) => ({
  line: { event: { unmapped: { diff } } },
  personal: value === undefined ? undefined : { '/event/unmapped/diff': { value } },
})
const shown = (diff: Diff | 'hidden' | undefined) => {
  assert.ok(diff !== undefined && diff !== 'hidden')
  return diff.lines.map(({ sign, pieces }) => sign + pieces.map(({ text }) => text).join(''))
}

test('AGT-1 lines that changed are there once the personal values are asked for', () => {
  assert.equal(diffOf({ line: { event: { unmapped: {} } } }), undefined)
  assert.equal(diffOf(told('commit:abc')), 'hidden')
  assert.equal(diffOf(told('commit:abc', 'no hunk')), 'hidden')
  const diff = diffOf(told('commit:abc', '@@ -7,2 +7,2 @@\n-a\n kept\n+b\n\\ more changed than is told'))
  assert.deepEqual(shown(diff), ['-a', ' kept', '+b'])
  assert.ok(diff !== undefined && diff !== 'hidden' && diff.from === 7 && diff.isCut)
})

test('LOG-5 what would hide or reorder a line is named in its place', () => {
  const diff = diffOf(told('@@ -1,1 +1,1 @@\n-\x1b[2Jx\ty\r\n+\u202eevil\u2028'))
  assert.deepEqual(shown(diff), ['-\\x1b[2Jx\\ty\\r', '+\\u{202e}evil\\u{2028}'])
})

test('any text is shown without a character that controls', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const line of shown(diffOf(told(`@@ -1,0 +1,1 @@\n+${text}`))))
        assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
    }),
  )
})

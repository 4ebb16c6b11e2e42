// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EventBase } from './events.ts'
import { clip, eventTextUnitsMax, fitText } from './fit.ts'

const eventWith = (text: Record<string, string>) => ({ metadata: {}, ...text }) as unknown as EventBase

test('an event that fits is handed back untouched', () => {
  const event = eventWith({ message: 'x'.repeat(eventTextUnitsMax) })
  assert.equal(fitText(event), event)
})

test('the longest strings give way first, and the event says so', () => {
  const event = eventWith({ message: 'short', path: 'x'.repeat(20_000), cmd: 'y'.repeat(3_000) })
  const { message, metadata, ...rest } = fitText(event) as unknown as Record<string, string>
  assert.deepEqual({ message, metadata }, { message: 'short', metadata: { is_truncated: true } })
  assert.deepEqual([rest.path?.length, rest.cmd?.length], [4_096, 3_000])
})

test('lone surrogates become U+FFFD, for canonical JSON refuses them', () => {
  assert.equal(fitText(eventWith({ message: 'a\ud800b' })).message, 'a\ufffdb')
})

test('clip never splits a character', () => {
  assert.equal(clip('ab😀', 3), 'ab')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, unitsMax) => {
      const clipped = clip(text, unitsMax)
      assert(clipped.isWellFormed() && clipped.length <= unitsMax && text.startsWith(clipped))
    }),
  )
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from './register.ts'

const [a, b] = ['a'.repeat(64), 'b'.repeat(64)]

test('a host that is behind was cut off; one that ends otherwise was rewritten; any other goes on', () => {
  const cases = [
    [{ nextSeq: 0, tip: null }, { nextSeq: 0, tip: a }, 'continues'],
    [{ nextSeq: 5, tip: a }, { nextSeq: 5, tip: a }, 'continues'],
    [{ nextSeq: 9, tip: b }, { nextSeq: 5, tip: a }, 'continues'],
    [{ nextSeq: 5, tip: a }, { nextSeq: 5, tip: null }, 'continues'],
    [{ nextSeq: 5, tip: null }, { nextSeq: 5, tip: a }, 'continues'],
    [{ nextSeq: 4, tip: a }, { nextSeq: 5, tip: a }, 'cut_off'],
    [{ nextSeq: 0, tip: null }, { nextSeq: 1, tip: null }, 'cut_off'],
    [{ nextSeq: 5, tip: b }, { nextSeq: 5, tip: a }, 'forked'],
  ] as const
  for (const [agent, server, expected] of cases) assert.equal(compare(agent, server), expected)
})

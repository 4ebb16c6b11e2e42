// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { effectOf, thresholdsIn } from './thresholds.ts'

const scores = Array.from({ length: 101 }, (_, score) =>
  score === 0 ? 1_000 : [50, 80, 95, 100].includes(score) ? 1 : 0,
)

test('DET-1 thresholds are told by how many requests would have been blocked, challenged and told', () => {
  const thresholds = { observe: 50, challenge: 75, block: 95 }
  assert.deepEqual(effectOf(scores, { mode: 'block', thresholds }), { threats: 4, challenged: 1, blocked: 2 })
  assert.deepEqual(effectOf(scores, { mode: 'observe', thresholds }), { threats: 4, challenged: 0, blocked: 0 })
  assert.deepEqual(effectOf([], { mode: 'block', thresholds }), { threats: 0, challenged: 0, blocked: 0 })
})

test('DET-1 thresholds are scores from 1 to 100 that rise', () => {
  assert.deepEqual(thresholdsIn({ observe: ' 1', challenge: '75', block: '100' }), {
    observe: 1,
    challenge: 75,
    block: 100,
  })
  for (const [observe, challenge, block] of [
    ['0', '75', '90'],
    ['50', '40', '90'],
    ['50', '75', '101'],
    ['', '75', '90'],
    ['5e1', '75', '90'],
  ] as const)
    assert.equal(thresholdsIn({ observe, challenge, block }), undefined, `${observe} ${challenge} ${block}`)
})

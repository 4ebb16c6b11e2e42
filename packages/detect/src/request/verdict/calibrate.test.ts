// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { atOrAbove, newScores, requestsIn, scoresMax, thresholdFor } from './calibrate.ts'

const scoresOf = (counts: Readonly<Record<number, number>>) => Object.assign(newScores(), counts)

test('DET-1 the share of requests at or above a score is counted, that score included', () => {
  const scores = scoresOf({ 0: 990, 40: 7, 90: 2, 100: 1 })
  assert.equal(requestsIn(scores), 1_000)
  assert.deepEqual(
    [0, 1, 40, 41, 90, 91, 100].map((score) => atOrAbove(scores, score)),
    [1_000, 10, 10, 3, 3, 1, 1],
  )
})

test('DET-1 a threshold is the lowest one that keeps to a share of false positives', () => {
  const scores = scoresOf({ 0: 990, 40: 7, 90: 2, 100: 1 })
  assert.deepEqual(
    [0.01, 0.003, 0.001, 0.0001].map((share) => thresholdFor(scores, share)),
    [1, 41, 91, undefined],
  )
  assert.equal(thresholdFor(newScores(), 0), 1)
})

test('DET-1 whatever the scores, the threshold keeps to the share, and the one below does not', () => {
  const counts = fc.array(fc.nat(1_000), { minLength: scoresMax + 1, maxLength: scoresMax + 1 })
  fc.assert(
    fc.property(counts, fc.double({ min: 0, max: 1, noNaN: true }), (scores, share) => {
      const found = thresholdFor(scores, share)
      const most = share * requestsIn(scores)
      assert.ok(found === undefined ? atOrAbove(scores, scoresMax) > most : atOrAbove(scores, found) <= most)
      if (found !== undefined && found > 1) assert.ok(atOrAbove(scores, found - 1) > most)
    }),
  )
})

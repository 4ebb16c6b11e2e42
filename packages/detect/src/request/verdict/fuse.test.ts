// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { detectorNames } from './detector.ts'
import { fuse, type Weighed } from './fuse.ts'
import { type ThreatType, threats } from './threats.ts'
import { defaultThresholds } from './thresholds.ts'

const piece: fc.Arbitrary<Weighed> = fc.record({
  detector: fc.constantFrom(...detectorNames),
  what: fc.constant('it'),
  threat: fc.option(fc.constantFrom(...(Object.keys(threats) as ThreatType[])), { nil: undefined }),
  weight: fc.double({ min: 0, max: 20, noNaN: true }),
  set: fc.constantFrom('a', 'b', undefined),
})
const of = (detector: Weighed['detector'], weight: number, threat?: ThreatType, set?: string): Weighed => ({
  detector,
  what: 'it',
  weight,
  threat,
  set,
})

test('DET-1 more evidence never makes an attack less likely, in whatever order it comes', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), piece, fc.nat(20), (evidence, more, place) => {
      const { probability } = fuse(evidence)
      const with_ = fuse(evidence.toSpliced(place, 0, more)).probability
      assert.ok(with_ >= probability && with_ >= 0 && with_ <= 1)
      assert.ok(Math.abs(fuse(evidence.toReversed()).probability - probability) < 1e-9)
    }),
  )
})

test('DET-1 what is said twice of one text counts less than twice, and what is said of the sender counts in full', () => {
  const logit = (...evidence: Weighed[]) => {
    const { probability } = fuse(evidence)
    return Math.log(probability / (1 - probability)) - fuseNothing
  }
  const { probability } = fuse([])
  const fuseNothing = Math.log(probability / (1 - probability))
  for (const [found, weight] of [
    [logit(of('rules', 4)), 4],
    [logit(of('rules', 4), of('rules', 4)), 6],
    [logit(of('rules', 4), of('model', 4)), 6],
    [logit(of('rules', 4), of('model', 3), of('signals', 2)), 6],
    [logit(of('rules', 4, 'xss', 'a'), of('rules', 3, 'xss', 'b')), 4],
    [logit(of('rules', 4, 'xss', 'a'), of('rules', 3, 'xss', 'b'), of('rules', 3, 'xss', 'b')), 4.5],
    [logit(of('rules', 4), of('reputation', 2), of('behaviour', 2)), 8],
  ] as const)
    assert.ok(Math.abs(found - weight) < 1e-9, `${found}`)
})

test('DET-1 who asks is not enough to be blocked, whatever is known of address and habits', () => {
  const flood = (detector: 'reputation' | 'behaviour') => Array.from({ length: 50 }, () => of(detector, 20))
  const { probability } = fuse([...flood('reputation'), ...flood('behaviour')])
  assert.ok(100 * probability < defaultThresholds.block - 0.5)
  assert.ok(100 * probability > defaultThresholds.observe)
})

test('DET-1 the type is that of what can be named, before what is of the sender', () => {
  assert.equal(fuse([]).type, undefined)
  assert.equal(fuse([of('model', 9)]).type, 'other')
  assert.equal(fuse([of('model', 9), of('rules', 2, 'xss')]).type, 'xss')
  assert.equal(fuse([of('model', 9), of('rules', 0.15, 'protocol_attack')]).type, 'other')
  assert.equal(fuse([of('reputation', 5, 'bad_address'), of('rules', 2, 'xss')]).type, 'xss')
  assert.equal(fuse([of('rules', 3, 'xss'), of('rules', 4, 'sql_injection')]).type, 'sql_injection')
  assert.equal(fuse([of('behaviour', 1, 'unusual_behaviour')]).type, 'unusual_behaviour')
})

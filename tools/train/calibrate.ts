// SPDX-License-Identifier: Apache-2.0

import { createModel } from '../../packages/detect/src/request/model/model.ts'
import type { Weights } from '../../packages/detect/src/request/model/weights.ts'
import { rates, scoreOf } from './evaluate.ts'
import type { Example } from './example.ts'
import { thresholdAt } from './measure.ts'

export type Calibrated = {
  readonly weights: Weights
  /** For each of `rates`: the logit that no more than this share of the calibrating requests exceeds. */
  readonly thresholds: readonly { readonly falsePositives: number; readonly logit: number }[]
}

const [rare, frequent] = [0.002, 0.01] as const

/**
 * What a network says grows with how long it learned. So its last layer is stretched until its logit is a weight of evidence:
 * where a share of the honest requests scores higher, and nearly every attack does, the logarithm of 1 / share. What a long text
 * is let off is not stretched with it, so it takes some turns until both shares are met.
 */
export function calibrated(weights: Weights, honest: readonly Example[]): Calibrated {
  let [found, stretch] = [weights, 1]
  for (let turn = 0; turn < turns; turn += 1) {
    const scores = scoresOf(found, honest)
    const [high, low] = [thresholdAt(rare, scores), thresholdAt(frequent, scores)]
    const slope = Math.min(Math.log(frequent / rare) / (high - low), stretchMax / stretch)
    stretch *= slope
    found = stretched(found, slope, Math.log(1 / rare) - high * slope)
  }
  const scores = scoresOf(found, honest)
  const thresholds = rates.map((falsePositives) => ({
    falsePositives,
    logit: Number(thresholdAt(falsePositives, scores).toFixed(4)),
  }))
  return { weights: found, thresholds }
}

const turns = 6
/** Where the two shares lie closer together it is by chance: other traffic is not as even as what is counted. */
const stretchMax = 1.2

function scoresOf(weights: Weights, honest: readonly Example[]): number[] {
  const model = createModel(weights)
  return honest.map((example) => scoreOf(model, example))
}

const stretched = (weights: Weights, slope: number, shift: number): Weights => ({
  ...weights,
  w2: weights.w2.map((weight) => weight * slope),
  b2: weights.b2.map((weight) => weight * slope + shift),
})

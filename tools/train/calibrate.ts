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

const [rare, frequent] = [0.003, 0.01] as const

/**
 * What a network says grows with how long it learned. So its last layer is stretched until its logit is a weight of evidence:
 * where a share of the honest requests scores higher, and nearly every attack does, the logarithm of 1 / share.
 */
export function calibrated(weights: Weights, honest: readonly Example[]): Calibrated {
  const model = createModel(weights)
  const scores = honest.map((example) => scoreOf(model, example))
  const [high, low] = [thresholdAt(rare, scores), thresholdAt(frequent, scores)]
  const slope = Math.log(frequent / rare) / Math.max(high - low, roomMin)
  const shift = Math.log(1 / rare) - high * slope
  const last = {
    w2: weights.w2.map((weight) => weight * slope),
    b2: weights.b2.map((weight) => weight * slope + shift),
  }
  const thresholds = rates.map((falsePositives) => {
    const logit = thresholdAt(falsePositives, scores) * slope + shift
    return { falsePositives, logit: Number(logit.toFixed(4)) }
  })
  return { weights: { ...weights, ...last }, thresholds }
}

/** Two thresholds that are closer would stretch by chance. */
const roomMin = 1

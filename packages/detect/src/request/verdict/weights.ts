// SPDX-License-Identifier: Apache-2.0
// All that decides how much something counts. Weights are natural logarithms of odds: each 2.3 makes an attack ten times as
// likely as it was. They are chosen so that what is certain by itself blocks, and what is not needs company.

import type { SignalKind } from '../signals.ts'

/** Before anything is known, one request in a thousand is an attack. */
export const priorWeight = Math.log(1 / 999)

/**
 * The most that all the evidence of one detector weighs. Address and habit together stay below what blocks by default: they
 * say who asks, and not what for.
 */
export const weightsMax = { rules: 14, model: 11, reputation: 5, behaviour: 3.5, signals: 8 } as const

/** What one detector says twice is not said by two: each piece counts by this share of the one before it, heaviest first. */
export const nextShare = 0.5

/** A rule of SecLang, by its severity. Any other severity is that of a notice. */
export const ruleWeights: Readonly<Record<string, number>> = {
  EMERGENCY: 8,
  ALERT: 8,
  CRITICAL: 7.2,
  ERROR: 4,
  WARNING: 2,
  NOTICE: 1,
}

/** Rules about the form of HTTP are for what attacks, and for many clients that do not: by themselves they are no threat. */
export const enforcementShare = 0.3

/** What takes rules longer than a request may was mostly made to. */
export const exhaustingWeight = 4

/** Of a feed that is certain, of a user whose habits are well known, and of what is as unusual as can be. */
export const listingWeight = 4
export const behaviourWeight = 3.5

/**
 * The odds that the model learned from are even: its logit is a weight. It is calibrated where one honest request in a hundred
 * and fewer lie above, at ln(100) and a little more for those that lie there together: what is below says nothing.
 */
export const modelWeightMin = 4.7

export const signalWeights: Readonly<Record<SignalKind, number>> = {
  'smuggling-shape': 8,
  bomb: 6,
  overlong: 5,
  'percent-u': 3,
  'null-byte': 4,
  dtd: 4,
  'strange-charset': 4,
  'malformed-multipart': 3,
  'control-byte': 3,
  'double-encoded': 2,
  'hidden-encoding': 0.5,
  'too-deep': 2,
  'too-many-values': 2,
  'malformed-json': 1,
  'malformed-xml': 1,
  'malformed-graphql': 1,
  'malformed-encoding': 1,
  'invalid-utf8': 1,
  compressed: 0.5,
  padded: 0.5,
  oversize: 0.5,
  'repeated-parameter': 0.3,
}

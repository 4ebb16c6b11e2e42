// SPDX-License-Identifier: Apache-2.0
// All that decides how much something counts. Weights are natural logarithms of odds: each 2.3 makes an attack ten times as
// likely as it was. They are chosen so that what is certain by itself blocks, and what is not needs company.

import type { SignalKind } from '../signals.ts'

/** Before anything is known, one request in two hundred is an attack. */
export const priorWeight = Math.log(1 / 199)

/**
 * The most that all the evidence of one detector weighs. Address and habit together stay below what blocks by default: they
 * say who asks, and not what for.
 */
export const weightsMax = { rules: 10, model: 9, reputation: 4.5, behaviour: 2.5, signals: 7 } as const

/**
 * What is said twice of the same text is not said by two: of what one detector says, and of what those say that read the request, each
 * piece counts by this share of the one before it, heaviest first.
 */
export const nextShare = 0.5

/** A rule of SecLang, by its severity. Any other severity is that of a notice. */
export const ruleWeights: Readonly<Record<string, number>> = {
  EMERGENCY: 7,
  ALERT: 7,
  CRITICAL: 5.4,
  ERROR: 3,
  WARNING: 1.5,
  NOTICE: 0.7,
}

/**
 * Of that, a rule of the core rule set has so much by its level of paranoia, which says how many honest requests it is for. Rules
 * without a level, such as ours, have all.
 */
export const paranoiaShares: readonly number[] = [1, 0.5, 0.1, 0.03, 0.01]

/** A kind of attack is named as such where it weighs so much of what weighs most. */
export const namedShare = 0.1

/** Rules about the form of HTTP are for what attacks, and for many clients that do not: by themselves they are no threat. */
export const enforcementShare = 0.2

/** What takes rules longer than a request may was mostly made to. */
export const exhaustingWeight = 4

/** Of a feed that is certain, of a user whose habits are well known, and of what is as unusual as can be. */
export const listingWeight = 3
export const behaviourWeight = 2.5

/**
 * The odds that the model learned from are even: its logit is a weight. It is calibrated where one honest request in a hundred
 * and fewer lie above, at ln(100) and a little more for those that lie there together: what is below says nothing.
 */
export const modelWeightMin = 4.7

/** By how much oftener attacks are written so than the requests of browsers that the model is calibrated with. */
export const signalWeights: Readonly<Record<SignalKind, number>> = {
  'smuggling-shape': 6.6,
  bomb: 4,
  'percent-u': 3,
  dtd: 3,
  'strange-charset': 3,
  'malformed-multipart': 2,
  'too-deep': 2,
  'too-many-values': 2,
  overlong: 1,
  'null-byte': 1,
  'control-byte': 1,
  'double-encoded': 1,
  'hidden-encoding': 0.5,
  'malformed-json': 0.5,
  'malformed-xml': 0.5,
  'malformed-graphql': 0.5,
  'malformed-encoding': 0.5,
  padded: 0.5,
  oversize: 0.5,
  compressed: 0.3,
  'invalid-utf8': 0.3,
  'repeated-parameter': 0.1,
}

// SPDX-License-Identifier: Apache-2.0

import { createModel, type RequestModel } from '../../packages/detect/src/request/model/model.ts'
import type { Weights } from '../../packages/detect/src/request/model/weights.ts'
import { calibrated } from './calibrate.ts'
import type { Corpus } from './corpus.ts'
import type { Example } from './example.ts'
import { fit } from './fit.ts'
import { areaUnderCurve, shareAbove, thresholdAt } from './measure.ts'
import { type Blocked, blockedBy, type NamedRules } from './verdicts.ts'
import { madeExamples } from './written.ts'

/** False positives that are tolerated. */
export const rates = [0.001, 0.003, 0.005, 0.01] as const

export type Held = {
  readonly source: string
  readonly attacks: number
  readonly area: number
  /** For each of `rates`: how many of the source's attacks lie above the threshold that so many honest requests do. */
  readonly found: readonly number[]
  /** By the whole verdict, with each of the rules. */
  readonly blocked: readonly Blocked[]
}

/**
 * Leaves each source of attacks out, with all that was made from it and with the honest requests it came with, and says how
 * many of its attacks a model finds that never saw it, alone and together with rules. False positives are counted on requests no model ever learns from.
 */
export function* heldOut(
  corpus: Corpus,
  rules: readonly NamedRules[],
  sources = attackSources(corpus),
): Generator<Held> {
  const fitted = new Map<string, Weights>()
  for (const source of sources) {
    const isOfFamily = (example: Example) => familyOf(example.source) === familyOf(source)
    const rest = corpus.train.filter((example) => !isOfFamily(example))
    const weights = fitted.get(familyOf(source)) ?? fit([...rest, ...madeExamples(rest)])
    fitted.set(familyOf(source), weights)
    const model = createModel(calibrated(weights, corpus.calibrate).weights)
    const honest = corpus.calibrate.map((example) => scoreOf(model, example))
    const own = corpus.train.filter((example) => example.source === source)
    const beside = corpus.train.filter((example) => !example.isAttack && isOfFamily(example))
    const attacks = own.map((example) => scoreOf(model, example))
    const blocked = rules.map((named) => blockedBy(named, weights, { attacks: own, honest: corpus.calibrate, beside }))
    const found = rates.map((rate) => shareAbove(thresholdAt(rate, honest), attacks))
    yield { source, attacks: attacks.length, area: areaUnderCurve(attacks, honest), found, blocked }
  }
}

const attackSources = ({ train }: Corpus): string[] => [
  ...new Set(train.filter(({ isAttack }) => isAttack).map(({ source }) => source)),
]

/** `granan-anom` and `granan-norm` are two halves of one. */
const familyOf = (source: string): string => source.split('-')[0] as string

/** Of a request, as it is judged. */
export function scoreOf(model: RequestModel, { texts }: Example): number {
  const { logit } = model.judge(texts.map((text) => ({ source: 'ARGS_GET', name: '', text })))
  return Math.max(logit, lowest)
}

/** Of a request in which there is nothing to look at. */
const lowest = -20

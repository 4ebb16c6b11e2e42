// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../../packages/detect/src/request/context.ts'
import { createModel } from '../../packages/detect/src/request/model/model.ts'
import type { Weights } from '../../packages/detect/src/request/model/weights.ts'
import { openRequestRules } from '../../packages/detect/src/request/open-judge.ts'
import type { Detector, Told } from '../../packages/detect/src/request/verdict/detector.ts'
import { detectByModel } from '../../packages/detect/src/request/verdict/detectors/model.ts'
import { judgeSignals } from '../../packages/detect/src/request/verdict/detectors/signals.ts'
import { createJudge, type Verdict } from '../../packages/detect/src/request/verdict/verdict.ts'
import { calibrated } from './calibrate.ts'
import type { CorpusExample } from './corpus.ts'

/** Rules of a folder, that judge each request once, however often they are asked. */
export type NamedRules = { readonly name: string; readonly detector: Detector }

export function rulesOf(name: string, folder?: string): NamedRules {
  const { detector } = openRequestRules(folder)
  const told = new Map<RequestContext, Told>()
  const once: Detector = (asked) => {
    const known = told.get(asked.context) ?? detector(asked)
    told.set(asked.context, known)
    return known
  }
  return { name, detector: once }
}

/** How many of each are blocked. */
export type Blocked = {
  readonly rules: string
  readonly attacks: number
  readonly honest: number
  readonly beside: number
}
export type Judged = {
  readonly attacks: readonly CorpusExample[]
  /** The model is calibrated by one half of them, and judges the other one; and the other way round. */
  readonly honest: readonly CorpusExample[]
  /** Honest ones of another kind, by which nothing is calibrated. */
  readonly beside: readonly CorpusExample[]
}

/** Shares of what the whole verdict says to block, by rules, model and signals. */
export function blockedBy({ name, detector }: NamedRules, weights: Weights, judged: Judged): Blocked {
  const half = (rest: number) => judged.honest.filter((_, at) => at % 2 === rest)
  const turns = [0, 1].map((rest) => {
    const model = detectByModel(createModel(calibrated(weights, half(rest)).weights).judge)
    const { judge } = createJudge({ detectors: { rules: detector, model, signals: judgeSignals } })
    const share = (examples: readonly CorpusExample[]) =>
      examples.filter(({ context }) => isBlocked(judge(context, 0n))).length / Math.max(examples.length, 1)
    return { attacks: share(judged.attacks), honest: share(half(1 - rest)), beside: share(judged.beside) }
  })
  const mean = (of: 'attacks' | 'honest' | 'beside') => turns.reduce((sum, turn) => sum + turn[of], 0) / turns.length
  return { rules: name, attacks: mean('attacks'), honest: mean('honest'), beside: mean('beside') }
}

const isBlocked = ({ recommended_action }: Verdict) => recommended_action === 'block'

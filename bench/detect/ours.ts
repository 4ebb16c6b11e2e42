// SPDX-License-Identifier: Apache-2.0

import process from 'node:process'
import { openJudge } from '@sealwatch/detect/open-judge'
import type { RequestContext } from '@sealwatch/detect/request'
import type { Verdict } from '@sealwatch/detect/verdict'
import type { Contender, Outcome } from './contender.ts'

/** Whole verdicts, as a service asks for them; what would be blocked is found, as with the others. `rules`: a folder; without one, the basic rules. */
export function openOurs(called: string, rules?: string): Contender {
  const judge = openJudge({ rules })
  const learns = judge.names.includes('model')
  const judged = (context: RequestContext): Outcome => {
    const startMs = performance.now()
    const verdict = judge.judge(context, 0n)
    const isFound = verdict.recommended_action === 'block'
    return { us: (performance.now() - startMs) * 1_000, isFound, score: finely(verdict) }
  }
  return {
    name: `sealwatch, ${called}${learns ? ' and model' : ''}`,
    learns,
    turn: async (contexts) => inProcess(contexts, judged),
  }
}

/** Of those with one and the same score, the one for which more speaks is more suspicious. */
const finely = ({ score, reasons }: Verdict) =>
  score + 1 - 1 / (1 + reasons.reduce((sum, { weight }) => sum + weight, 0))

export function inProcess(contexts: readonly RequestContext[], judge: (context: RequestContext) => Outcome) {
  const before = process.cpuUsage()
  const outcomes = contexts.map(judge)
  const { user, system } = process.cpuUsage(before)
  return { outcomes, cpuUs: user + system }
}

// SPDX-License-Identifier: Apache-2.0

import type { RequestContext } from '../../context.ts'
import type { DecodedRequest } from '../../decode/request.ts'
import type { Detector, Evidence } from '../detector.ts'
import { threatTagged } from '../threats.ts'
import { enforcementShare, exhaustingWeight, paranoiaShares, ruleWeights } from '../weights.ts'

/** What is asked of an engine of SecLang rules. */
export type EvaluateRules = (
  context: RequestContext,
  decoded: DecodedRequest,
  isExcepted?: (id: number, where: string) => boolean,
) => RuleVerdict
export type RuleVerdict = { readonly matches: readonly RuleMatch[]; readonly isComplete: boolean }
export type RuleMatch = {
  readonly id: number
  readonly msg: string
  readonly severity: string
  readonly tags: readonly string[]
  readonly where: string
  readonly text: string
}

/** With which rules a rule came, by its number. */
export type SetOf = (id: number) => string

export const detectByRules =
  (evaluate: EvaluateRules, setOf?: SetOf): Detector =>
  ({ context, decoded, isExcepted }) => {
    const byNumber = isExcepted && ((id: number, where: string) => isExcepted({ id: String(id), where }))
    const { matches, isComplete } = evaluate(context, decoded, byNumber)
    const evidence = matches.filter(isOfRequest).map((match) => ({ ...evidenceOf(match), set: setOf?.(match.id) }))
    return isComplete ? { evidence } : { evidence: [...evidence, exhausting], isCut: true }
  }

const exhausting: Evidence = {
  what: 'it takes longer to look at than a request may',
  threat: 'denial_of_service',
  weight: exhaustingWeight,
}

/** What rules reckon up of other rules was said by those. */
const isOfRequest = ({ where }: RuleMatch) => !where.startsWith('TX:')

const evidenceOf = ({ id, msg, severity, tags, where, text }: RuleMatch): Evidence => ({
  what: `rule ${id}: ${msg}`,
  id: String(id),
  where,
  text,
  threat: threatTagged(tags),
  weight:
    (ruleWeights[severity] ?? (ruleWeights.NOTICE as number)) *
    paranoiaShare(tags) *
    (isEnforcement(id) ? enforcementShare : 1),
})

/** A higher level than there is counts as the highest. */
function paranoiaShare(tags: readonly string[]): number {
  const [, level = '0'] = tags.map((tag) => /^paranoia-level\/(\d)$/.exec(tag)).find((found) => found !== null) ?? []
  return paranoiaShares[Number(level)] ?? (paranoiaShares.at(-1) as number)
}

/** The core rule set's numbers of what it enforces of HTTP's form. */
const isEnforcement = (id: number) => id >= 920_000 && id < 921_000

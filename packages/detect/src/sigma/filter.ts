// SPDX-License-Identifier: Apache-2.0

import { allOf } from '../predicate.ts'
import { compileDetection } from './detection.ts'
import type { RuleDocument } from './document.ts'
import type { LogSourceName } from './log-sources.ts'
import type { SigmaRule } from './rule.ts'
import { checkMembers, type Detection, detectionIn, type Fault, logSourceIn, mapAt, textList } from './source.ts'

/** What rules ask besides, in one place. Sigma filters specification 2.1. */
export type FilterSource = {
  readonly logsource: LogSourceName
  /** Ids or names; undefined: every rule of the log source. */
  readonly rules: readonly string[] | undefined
  readonly detection: Detection
}

export function filterSource({ value }: RuleDocument, fault: Fault): FilterSource {
  const document = mapAt(value, [], fault)
  checkMembers(document, fault)
  const filter = mapAt(document.filter, ['filter'], fault)
  if (filter.rules === undefined)
    throw fault('RULE_SHAPE', ['filter'], { advice: 'Add "rules:" with ids or names, or "any"' })
  const rules = textList(filter, 'rules', fault, ['filter'])
  const isAny = rules.length === 0 || (rules.length === 1 && ['any', 'all'].includes(rules[0] as string))
  return {
    logsource: logSourceIn(mapAt(document.logsource, ['logsource'], fault), fault),
    rules: isAny ? undefined : rules,
    detection: detectionIn(filter, 'filter', fault, ['rules']),
  }
}

export function isMeantBy({ logsource, rules }: FilterSource, { rule, name, logsource: its }: SigmaRule): boolean {
  const isOfSource = (['category', 'product', 'service'] as const).every(
    (part) => logsource[part] === undefined || logsource[part] === its[part],
  )
  const isNamed = (id: string | undefined) => id !== undefined && (rules === undefined || rules.includes(id))
  return isOfSource && (isNamed(rule.id) || isNamed(name))
}

/** The rule, which fires where the filter's condition holds as well; its fields are those of the rule's log source. */
export function compileFilter({ detection }: FilterSource, sigma: SigmaRule, fault: Fault): SigmaRule {
  const { predicate } = compileDetection(detection, { ...sigma.scope, fault })
  return { ...sigma, rule: { ...sigma.rule, ...allOf([sigma.rule, predicate]) } }
}

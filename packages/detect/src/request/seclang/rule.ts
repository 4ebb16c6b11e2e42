// SPDX-License-Identifier: Apache-2.0

import { type Actions, readActions } from './actions.ts'
import { type DataFiles, type Operator, parseOperator } from './operators.ts'
import { type Directive, SecLangError } from './parse.ts'
import { parseTargets, type Targets } from './targets.ts'

/** A rule, with those that are chained to it. */
export type SecRule = Actions &
  Targets & {
    readonly file: string
    readonly line: number
    readonly negated: boolean
    readonly operator: Operator
    readonly operatorName: string
    readonly operatorSource: string
    next: SecRule | undefined
  }
export type Marker = { readonly marker: string }
export type Entry = SecRule | Marker

export const isMarker = (entry: Entry): entry is Marker => 'marker' in entry

/** A rule and those that are chained to it. */
export const linksOf = (rule: SecRule): SecRule[] => (rule.next === undefined ? [rule] : [rule, ...linksOf(rule.next)])

/** Throws SecLangError or RegexSyntaxError. */
export function readRule({ name, words, isWhole, file, line }: Directive, files: DataFiles): SecRule {
  if (!isWhole) throw new SecLangError('a text whose quote does not end')
  const isAction = /^secaction$/i.test(name)
  const [targets = '', operator = '', actions = ''] = isAction
    ? ['REQUEST_METHOD', '@unconditionalMatch', words[0]]
    : words
  if (targets === '' || operator === '') throw new SecLangError('a rule without variables or operator')
  const parsed = parseOperator(operator, files)
  return {
    ...readActions(actions),
    ...parseTargets(targets),
    file,
    line,
    negated: parsed.negated,
    operator: parsed.operator,
    operatorName: parsed.name,
    operatorSource: parsed.source,
    next: undefined,
  }
}

// SPDX-License-Identifier: Apache-2.0

import type { RuleNotice } from './load.ts'
import type { SigmaRule } from './rule.ts'

/** Which of a rule's fields the events have that are collected here. */
export type RuleReport = {
  readonly path: string
  readonly line: number
  readonly title: string
  /** `in part`: some of what it asks for is never there, and it fires where it holds all the same. */
  readonly fires: 'whole' | 'in part' | 'never'
  readonly supplied: readonly string[]
  readonly missing: readonly string[]
}

export function reportOf({ rule, line, supplied, missing }: SigmaRule): RuleReport {
  const isSilent = rule.types.length === 0 || rule.needs.some((group) => group.length === 0)
  const fires = isSilent ? 'never' : missing.length > 0 ? 'in part' : 'whole'
  return { path: rule.path, line, title: rule.title, fires, supplied, missing }
}

export function noticesOf(sigma: SigmaRule): readonly RuleNotice[] {
  const { path, id: rule, types, unused } = sigma.rule
  const { fires, missing } = reportOf(sigma)
  const why = types.length === 0 ? 'its log source is not collected here' : `no event here has ${missing.join(', ')}`
  const texts = [
    ...(fires === 'never' ? [`${why}, so it never fires`] : []),
    ...unused.map((name) => `the condition never looks at the selection ${name}`),
  ]
  return texts.map((text) => ({ path, line: sigma.line, rule, text }))
}

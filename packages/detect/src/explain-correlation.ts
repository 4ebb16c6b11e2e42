// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base/errors'
import type { Correlation } from './correlation/correlation.ts'
import { detectError } from './errors.ts'
import { type Explanation, explainRule, type Subject } from './explain.ts'
import { explainFalco } from './falco/explain.ts'
import { isFalco } from './falco/load.ts'
import { loadRules, type Ruleset } from './ruleset.ts'
import { documentsIn, type RuleFile } from './sigma/document.ts'
import { isMap, type Members } from './sigma/source.ts'

/** What has to come together. An event alone is never all of it: what it is about is explained with the event, each by itself. */
export type ExplainedCorrelation = Pick<Correlation, 'id' | 'title' | 'severity' | 'kind' | 'groupBy'> & {
  /** As it is written: 1m. */
  readonly timespan: string
  /** As it is written; of a temporal one without any null: each of them is there. */
  readonly condition: unknown
  /** What it is about makes no alert of its own. */
  readonly silences: boolean
  readonly of: readonly (Explanation | ExplainedCorrelation)[]
}

/** The correlation of the id in a file, or without an id its first; undefined: there is none. */
export function correlationIn(file: RuleFile, id?: string): string | undefined {
  const ids = isFalco(file) ? [] : bodiesIn(file).map(([its]) => its)
  return ids.find((one) => id === undefined || one === id)
}

/** What a correlation looks for, with all that it is about. `files`: those of these too. Throws what makes loadRules leave it out. */
export function explainCorrelation(files: readonly RuleFile[], id: string, subject?: Subject): ExplainedCorrelation {
  const { ruleset, problems } = loadRules(files)
  const bodies = new Map(files.filter((file) => !isFalco(file)).flatMap(bodiesIn))
  const found = ruleset.correlations.find((one) => one.id === id)
  if (found !== undefined) return explained(found, { files, ruleset, bodies, subject })
  const at = files.find((file) => correlationIn(file, id) !== undefined)?.path
  throw (
    problems.find(({ path }) => path === at)?.error ??
    detectError('RULE_REFERENCE', { attempted: `explaining the correlation ${id}`, received: id })
  )
}

type Scope = {
  readonly files: readonly RuleFile[]
  readonly ruleset: Ruleset
  readonly bodies: ReadonlyMap<string, Members>
  readonly subject: Subject | undefined
}

function explained({ id, title, severity, kind, groupBy, silences, sources }: Correlation, scope: Scope) {
  const { timespan, condition = null } = scope.bodies.get(id) ?? {}
  const of = sources.map((source) => explainedSource(source, scope))
  return { id, title, severity, kind, groupBy, timespan: String(timespan), condition, silences, of }
}

function explainedSource(id: string, scope: Scope): Explanation | ExplainedCorrelation {
  const { files, ruleset, subject } = scope
  const correlation = ruleset.correlations.find((one) => one.id === id)
  if (correlation !== undefined) return explained(correlation, scope)
  const path = ruleset.rules.find((rule) => rule.id === id)?.path
  // Two folders may have files of one name.
  const file = files.find((one) => one.path === path && one.text.includes(id))
  return file === undefined ? explainFalco(files, subject, id) : explainRule(file, subject, id)
}

function bodiesIn(file: RuleFile): readonly (readonly [id: string, body: Members])[] {
  try {
    return documentsIn(file).flatMap((read) => {
      const { value } = read({ line: 1 })
      return isMap(value) && isMap(value.correlation) ? [[String(value.id), value.correlation] as const] : []
    })
  } catch (error) {
    if (!isSealwatchError(error)) throw error
    return []
  }
}

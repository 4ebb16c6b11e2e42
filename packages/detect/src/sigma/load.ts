// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type SealwatchError } from '@sealwatch/base/errors'
import { ruleLimits } from '../limits.ts'
import type { AttributeTable } from '../reading.ts'
import { documentsIn, type RuleDocument, type RuleFile } from './document.ts'
import { compileFilter, filterSource, isMeantBy } from './filter.ts'
import { type Placeholders, placeholdersIn } from './placeholder.ts'
import { noticesOf, type RuleReport, reportOf } from './report.ts'
import { compileRule, type Rule, type SigmaRule } from './rule.ts'
import { type Fault, faultsIn, isMap } from './source.ts'

/** A document, or a whole file, that was left out: the others go on without it. */
export type RuleProblem = { readonly path: string; readonly line: number; readonly error: SealwatchError }
/** A rule that is right but will not do what its author may expect. */
export type RuleNotice = { readonly path: string; readonly text: string }

export type LoadedSigma = {
  readonly rules: readonly Rule[]
  readonly problems: readonly RuleProblem[]
  readonly notices: readonly RuleNotice[]
  /** One of each rule, in the same order. */
  readonly reports: readonly RuleReport[]
}

/**
 * Compiles every document it can, one between two yields; never throws for what a file holds. `given`: values beside those that
 * documents give.
 */
export function* loadingSigma(
  files: readonly RuleFile[],
  attributes: AttributeTable,
  given: Placeholders,
): Generator<undefined, LoadedSigma> {
  const problems: RuleProblem[] = []
  const notices: RuleNotice[] = []
  const attempt = <R>(path: string, act: (where: { line: number }) => readonly R[]): readonly R[] => {
    const where = { line: 1 }
    try {
      return act(where)
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      problems.push({ path, line: where.line, error })
      return []
    }
  }
  const documents: RuleDocument[] = []
  for (const file of files) {
    const readers = attempt(file.path, () => documentsIn(file))
    documents.push(...readers.flatMap((read) => attempt(file.path, (where) => [read(where)])))
    yield
  }
  function* each<R>(kind: Kind, act: (document: RuleDocument, fault: Fault) => R): Generator<undefined, readonly R[]> {
    const made: R[] = []
    for (const document of documents.filter((one) => kindOf(one) === kind)) {
      made.push(...attempt(document.path, (where) => [act(document, faultsIn(document, where))]))
      yield
    }
    return made
  }

  const placeholders = new Map([...given, ...(yield* each('placeholders', placeholdersIn)).flat()])
  const known = new Map<string, Rule>()
  let rules = yield* each('rule', (document, fault) => {
    const compiled = compileRule(document, fault, { attributes, placeholders })
    enter(compiled, known, fault)
    return compiled
  })
  yield* each('filter', (document, fault) => {
    const source = filterSource(document, fault)
    const meant = rules.filter((rule) => isMeantBy(source, rule))
    if (meant.length === 0) notices.push({ path: document.path, text: 'it filters no rule that is loaded' })
    const narrowed = new Map(meant.map((rule) => [rule, compileFilter(source, rule, fault)]))
    rules = rules.map((rule) => narrowed.get(rule) ?? rule)
  })
  return {
    rules: rules.map(({ rule }) => rule),
    problems,
    notices: [...notices, ...rules.flatMap(noticesOf)],
    reports: rules.map(reportOf),
  }
}

type Kind = 'rule' | 'filter' | 'placeholders'

function kindOf({ value }: RuleDocument): Kind {
  if (!isMap(value) || 'detection' in value) return 'rule'
  return (['filter', 'placeholders'] as const).find((kind) => kind in value) ?? 'rule'
}

/** Each has an id of its own, and a name if any; what was entered before stays. */
function enter({ rule, name }: SigmaRule, known: Map<string, Rule>, fault: Fault): void {
  for (const own of new Set([rule.id, name ?? rule.id])) {
    const twin = known.get(own)
    if (twin) throw fault('RULE_DUPLICATE', [], { received: `${own}, which ${twin.path} has` })
  }
  if (known.size >= 2 * ruleLimits.rulesMax)
    throw fault('RULE_TOO_MANY', [], { received: `more than ${ruleLimits.rulesMax} rules` })
  known.set(rule.id, rule)
  if (name !== undefined) known.set(name, rule)
}

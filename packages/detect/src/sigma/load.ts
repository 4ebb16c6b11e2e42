// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type SealwatchError } from '@sealwatch/base/errors'
import type { Correlation } from '../correlation/correlation.ts'
import { ruleLimits } from '../limits.ts'
import type { AttributeTable } from '../reading.ts'
import type { RegexBudget } from '../regex/budget.ts'
import { type CompiledCorrelation, compileCorrelation, refersOnlyTo, type Source } from './correlation.ts'
import { documentsIn, type RuleDocument, type RuleFile } from './document.ts'
import { compileFilter, filterSource, isMeantBy } from './filter.ts'
import { expanding, type Placeholders, placeholdersIn } from './placeholder.ts'
import { noticesOf, type RuleReport, reportOf } from './report.ts'
import { compileRule, foreignRule, type Rule, type RuleHead } from './rule.ts'
import { type Fault, faultsIn, isMap } from './source.ts'

/** A document, or a whole file, that was left out: the others go on without it. */
export type RuleProblem = { readonly path: string; readonly line: number; readonly error: SealwatchError }
/** A rule that is right but will not do what its author may expect. `rule`: its id; absent: it is about the file, and so is `line`. */
export type RuleNotice = {
  readonly path: string
  readonly line?: number
  readonly text: string
  readonly rule?: string
}

/** What files of one kind hold. */
export type Loaded = {
  readonly rules: readonly Rule[]
  readonly problems: readonly RuleProblem[]
  readonly notices: readonly RuleNotice[]
  /** One of each rule, in the same order. */
  readonly reports: readonly RuleReport[]
}

export type LoadedSigma = Loaded & {
  readonly correlations: readonly Correlation[]
  /** Ids of what correlations are about that tells nothing by itself. */
  readonly silent: ReadonlySet<string>
}

/**
 * Compiles every document it can, one between two yields; never throws for what a file holds. `given`: values beside those that
 * documents give. `others`: rules that are not Sigma's, for correlations. `budget`: of all expressions together.
 */
export function* loadingSigma(
  files: readonly RuleFile[],
  attributes: AttributeTable,
  given: Placeholders,
  others: readonly Rule[],
  budget?: RegexBudget,
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

  const newExpand = expanding(new Map([...given, ...(yield* each('placeholders', placeholdersIn)).flat()]))
  const names = { attributes, newExpand, budget }
  const paths = new Map<string, string>()
  let rules = yield* each('rule', (document, fault) => {
    const compiled = compileRule(document, fault, names)
    enter(compiled.rule, compiled.name, paths, fault)
    return compiled
  })
  yield* each('filter', (document, fault) => {
    const source = filterSource(document, fault)
    const meant = rules.filter((rule) => isMeantBy(source, rule))
    if (meant.length === 0) notices.push({ path: document.path, text: 'it filters no rule that is loaded' })
    const narrowed = new Map(meant.map((rule) => [rule, compileFilter(source, rule, fault)]))
    rules = rules.map((rule) => narrowed.get(rule) ?? rule)
  })
  const foreign = others.map((rule) => foreignRule(rule, names))
  const known: Map<string, Source> = new Map(
    [...foreign, ...rules].flatMap((rule) => named(rule.rule.id, rule.name, rule)),
  )
  const correlations: CompiledCorrelation[] = []
  for (let left = documents.filter((one) => kindOf(one) === 'correlation'); left.length > 0; ) {
    const ready = left.filter((document) => refersOnlyTo(document, known))
    // Where none is, what they are about is not loaded, or they are about each other.
    const next = ready.length > 0 ? ready : left
    for (const document of next) {
      const [compiled] = attempt(document.path, (where) => {
        const fault = faultsIn(document, where)
        if (correlations.length === ruleLimits.correlationsMax)
          throw fault('RULE_TOO_MANY', [], { received: `more than ${ruleLimits.correlationsMax} correlations` })
        const one = compileCorrelation(document, known, fault)
        enter(one.correlation, one.name, paths, fault)
        return [one]
      })
      if (compiled) correlations.push(compiled)
      for (const [id, one] of compiled ? named(compiled.correlation.id, compiled.name, compiled) : [])
        known.set(id, one)
      yield
    }
    left = left.filter((document) => !next.includes(document))
  }
  const silencing = correlations.filter(({ correlation }) => correlation.silences)
  return {
    rules: rules.map(({ rule }) => rule),
    correlations: correlations.map(({ correlation }) => correlation),
    silent: new Set(silencing.flatMap(({ correlation }) => correlation.sources)),
    problems,
    notices: [...notices, ...rules.flatMap(noticesOf), ...silencing.flatMap(silencedBy)],
    reports: rules.map(reportOf),
  }
}

const named = <S extends Source>(id: string, name: string | undefined, one: S): readonly (readonly [string, S])[] => [
  [id, one],
  [name ?? id, one],
]

/** Of rules of other files: whoever wrote them may not know. */
function silencedBy({ correlation, sources }: CompiledCorrelation): readonly RuleNotice[] {
  const { path, title, id: rule } = correlation
  return sources
    .map((source) => ('rule' in source ? source.rule : source.correlation))
    .filter((source) => source.path !== path)
    .map((source) => ({
      path,
      rule,
      text: `${source.title} is told no more by itself: ${title} has no "generate: true"`,
    }))
}

type Kind = 'rule' | 'correlation' | 'filter' | 'placeholders'

function kindOf({ value }: RuleDocument): Kind {
  if (!isMap(value) || 'detection' in value) return 'rule'
  return (['correlation', 'filter', 'placeholders'] as const).find((kind) => kind in value) ?? 'rule'
}

/** Each has an id of its own, and a name if any; what was entered before stays. */
function enter(head: RuleHead, name: string | undefined, paths: Map<string, string>, fault: Fault): void {
  const own = new Set([head.id, name ?? head.id])
  for (const id of own) {
    const twin = paths.get(id)
    if (twin) throw fault('RULE_DUPLICATE', [], { received: `${id}, which ${twin} has` })
  }
  if (paths.size >= 2 * ruleLimits.rulesMax)
    throw fault('RULE_TOO_MANY', [], { received: `more than ${ruleLimits.rulesMax} rules` })
  for (const id of own) paths.set(id, head.path)
}

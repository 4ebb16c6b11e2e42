// SPDX-License-Identifier: Apache-2.0

import type { Reason, Side } from '@sealwatch/contract'
import { type Candidates, createCandidates, lookAt } from './candidates.ts'
import type { Correlation } from './correlation/correlation.ts'
import { isFalco, loadingFalco } from './falco/load.ts'
import { ruleLimits } from './limits.ts'
import { createAttributeTable, type Reading, readingOf } from './reading.ts'
import type { RegexBudget } from './regex/budget.ts'
import type { RuleFile } from './sigma/document.ts'
import { type Loaded, loadingSigma } from './sigma/load.ts'
import type { Rule } from './sigma/rule.ts'
import { createSkim, type Skim } from './skim.ts'

export type Ruleset = {
  readonly rules: readonly Rule[]
  /** By OCSF type_uid: what an event does not concern costs it nothing. */
  readonly byType: ReadonlyMap<number, readonly Rule[]>
  /** By the same: which of them are worth a try. */
  readonly candidates: ReadonlyMap<number, Candidates>
  readonly mayFire: Skim
  readonly correlations: readonly Correlation[]
  /** Ids of rules that fire for correlations alone. */
  readonly silent: ReadonlySet<string>
}

export type LoadedRules = Omit<Loaded, 'rules'> & { readonly ruleset: Ruleset }

export type Match<R = Rule> = { readonly rule: R; readonly reasons: readonly Reason[] }

type Values = Readonly<Record<string, readonly string[]>>

/**
 * Compiles everything in the files that it can; never throws for what they hold. `placeholders`: values by name, beside those
 * that the files give. `budget`: of what all expressions of Sigma's rules cost together; judging then throws RegexStepsError beyond it.
 */
export function loadRules(files: readonly RuleFile[], placeholders: Values = {}, budget?: RegexBudget): LoadedRules {
  const steps = loadingRules(files, placeholders, budget)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** The same, rule by rule, for whoever has something else to do meanwhile. */
export function* loadingRules(
  files: readonly RuleFile[],
  placeholders: Values = {},
  budget?: RegexBudget,
): Generator<undefined, LoadedRules> {
  const attributes = createAttributeTable()
  const falco = yield* loadingFalco(files.filter(isFalco), attributes)
  const given = new Map(Object.entries(placeholders))
  const ofSigma = files.filter((file) => !isFalco(file))
  const sigma = yield* loadingSigma(ofSigma, attributes, given, falco.rules, budget)
  const { correlations, silent } = sigma
  const rules = [...sigma.rules, ...falco.rules]
  const told = {
    problems: [...sigma.problems, ...falco.problems],
    notices: [...sigma.notices, ...falco.notices],
    reports: [...sigma.reports, ...falco.reports],
  }
  const byType = indexByType(rules)
  const candidates = createCandidates(rules, byType)
  const mayFire = createSkim(attributes, candidates)
  return { ...told, ruleset: { rules, byType, candidates, mayFire, correlations, silent } }
}

const noSide: Side = {}

/**
 * The rules that fire for an event, Falco's behind Sigma's, each in the order of their files, but for those that fire for
 * correlations alone. `side`: the personal values of the event's line.
 */
export function evaluate(
  ruleset: Ruleset,
  event: { readonly type_uid: number },
  side: Side = noSide,
): readonly Match[] {
  return matchesOf(ruleset, event, side).filter(({ rule }) => !ruleset.silent.has(rule.id))
}

/** The same with those, for correlations. */
export function matchesOf(
  ruleset: Ruleset,
  event: { readonly type_uid: number },
  side: Side = noSide,
): readonly Match[] {
  const candidates = ruleset.candidates.get(event.type_uid)
  if (candidates === undefined) return []
  const reading = readingOf(event, side)
  return firing(
    candidates((field, hits) => lookAt(field, reading(field.attribute), hits)),
    reading,
  )
}

/** What matchesOf gives, by trying every rule for the type: what the index is held against. */
export function evaluateEach(
  { byType }: Ruleset,
  event: { readonly type_uid: number },
  side: Side = noSide,
): readonly Match[] {
  return firing(byType.get(event.type_uid) ?? [], readingOf(event, side))
}

function firing(rules: readonly Rule[], reading: Reading): readonly Match[] {
  return rules.flatMap((rule) => {
    const reasons = rule.judge(reading)
    return reasons ? [{ rule, reasons: reasons.slice(0, ruleLimits.reasonsMax) }] : []
  })
}

function indexByType(rules: readonly Rule[]): ReadonlyMap<number, readonly Rule[]> {
  const types = new Set(rules.flatMap((rule) => rule.types))
  return new Map([...types].map((type) => [type, rules.filter((rule) => rule.types.includes(type))]))
}

// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type SealwatchError } from '@sealwatch/base/errors'
import type { Reason, Side } from '@sealwatch/contract'
import { type Candidates, createCandidates, lookAt } from './candidates.ts'
import { detectError } from './errors.ts'
import { ruleLimits } from './limits.ts'
import { createAttributeTable, type Reading, readingOf } from './reading.ts'
import type { RuleFile } from './sigma/document.ts'
import { compileRule, type Rule } from './sigma/rule.ts'
import { createSkim, type Skim } from './skim.ts'

export type Ruleset = {
  readonly rules: readonly Rule[]
  /** By OCSF type_uid: what an event does not concern costs it nothing. */
  readonly byType: ReadonlyMap<number, readonly Rule[]>
  /** By the same: which of them are worth a try. */
  readonly candidates: ReadonlyMap<number, Candidates>
  readonly mayFire: Skim
}

/** A file that was left out: the others go on without it. */
export type RuleProblem = { readonly path: string; readonly line: number; readonly error: SealwatchError }
/** A rule that is right but will not do what its author may expect. */
export type RuleNotice = { readonly path: string; readonly text: string }

export type LoadedRules = {
  readonly ruleset: Ruleset
  readonly problems: readonly RuleProblem[]
  readonly notices: readonly RuleNotice[]
}

export type Match = { readonly rule: Rule; readonly reasons: readonly Reason[] }

/** Compiles every file it can; never throws for what a file holds. One rule a file. */
export function loadRules(files: readonly RuleFile[]): LoadedRules {
  const steps = loadingRules(files)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** The same, file by file, for whoever has something else to do meanwhile. */
export function* loadingRules(files: readonly RuleFile[]): Generator<undefined, LoadedRules> {
  const attributes = createAttributeTable()
  const rules: Rule[] = []
  const problems: RuleProblem[] = []
  for (const file of files) {
    const where = { line: 1 }
    try {
      const rule = compileRule(file, attributes, where)
      checkPlace(rule, rules, file)
      rules.push(rule)
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      problems.push({ path: file.path, line: where.line, error })
    }
    yield
  }
  const byType = indexByType(rules)
  const candidates = createCandidates(byType)
  const ruleset = { rules, byType, candidates, mayFire: createSkim(attributes, candidates) }
  return { ruleset, problems, notices: rules.flatMap(noticesOf) }
}

const noSide: Side = {}

/** The rules that fire for an event, in the order of their files. `side`: the personal values of the event's line. */
export function evaluate(
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

/** What evaluate gives, by trying every rule for the type: what the index is held against. */
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

function checkPlace(rule: Rule, rules: readonly Rule[], { path }: RuleFile): void {
  const attempted = `loading ${path}`
  const twin = rules.find(({ id }) => id === rule.id)
  if (twin) throw detectError('RULE_DUPLICATE', { attempted, received: `${rule.id}, which ${twin.path} has` })
  if (rules.length >= ruleLimits.rulesMax)
    throw detectError('RULE_TOO_MANY', { attempted, received: `more than ${ruleLimits.rulesMax} rules` })
}

function indexByType(rules: readonly Rule[]): ReadonlyMap<number, readonly Rule[]> {
  const types = new Set(rules.flatMap((rule) => rule.types))
  return new Map([...types].map((type) => [type, rules.filter((rule) => rule.types.includes(type))]))
}

function noticesOf({ path, types, unused }: Rule): readonly RuleNotice[] {
  const silent = types.length === 0 ? [{ path, text: 'its log source is not collected here, so it never fires' }] : []
  return [...silent, ...unused.map((name) => ({ path, text: `the condition never looks at the selection ${name}` }))]
}

// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base/errors'
import type { Side } from '@sealwatch/contract'
import { detectError } from './errors.ts'
import { explainFalco } from './falco/explain.ts'
import { isFalco } from './falco/load.ts'
import { evaluate, loadRules, matchesOf } from './ruleset.ts'
import { type Condition, parseCondition } from './sigma/condition.ts'
import { documentsIn, type RuleFile } from './sigma/document.ts'
import type { Value } from './sigma/item.ts'
import { faultsIn, type ItemSource, type RuleSource, ruleSource } from './sigma/source.ts'

/** What an event has at a field; of a personal value that was not opened, `value` is its commitment. */
export type FieldValue = { readonly attribute: string; readonly value: string | number | boolean | null }

/** One line of a selection. `holds`, `found`: where an event was given; what it has there, whether or not it is what is looked for. */
export type ExplainedItem = {
  readonly field: string
  readonly modifiers: readonly string[]
  readonly values: readonly Value[]
  readonly holds: boolean | undefined
  readonly found: readonly FieldValue[]
}

/** Any of its groups must hold, and of a group every item. */
export type ExplainedSelection = {
  readonly name: string
  readonly groups: readonly (readonly ExplainedItem[])[]
  readonly holds: boolean | undefined
}

export type ExplainedCondition =
  | { readonly kind: 'selection'; readonly name: string; readonly holds: boolean | undefined }
  /** Of Falco, a check by itself; `within`: the macro that it stands in, or `condition`. */
  | {
      readonly kind: 'check'
      readonly within: string
      readonly item: ExplainedItem
      readonly holds: boolean | undefined
    }
  | { readonly kind: 'and' | 'or'; readonly of: readonly ExplainedCondition[]; readonly holds: boolean | undefined }
  | { readonly kind: 'not'; readonly of: ExplainedCondition; readonly holds: boolean | undefined }

export type Explanation = {
  readonly id: string
  readonly title: string
  readonly severity: string
  readonly logsource: RuleSource['logsource']
  readonly selections: readonly ExplainedSelection[]
  /** Any of them fires. */
  readonly conditions: readonly { readonly text: string; readonly condition: ExplainedCondition }[]
  /** Whether events of this type are looked at; undefined: no event was given. */
  readonly isConcerned: boolean | undefined
  /** For a correlation alone, too, where it makes no alert of its own. */
  readonly fires: boolean | undefined
}

export type Subject = { readonly event: { readonly type_uid: number }; readonly side?: Side }

/**
 * What a rule of single events, of Sigma or of Falco, looks for, and of an event, which of it holds. Each line is judged by itself, by the
 * compiler that judges the whole; what filters of other files take out is not in it. `id`: of several in a file, else the
 * first. Throws what makes loadRules leave the file out.
 */
export function explainRule(file: RuleFile, subject?: Subject, id?: string): Explanation {
  if (isFalco(file)) return explainFalco([file], subject, id)
  const { ruleset, problems } = loadRules([file])
  const rule = ruleset.rules.find((one) => id === undefined || one.id === id)
  const [problem] = problems
  if (problem !== undefined && rule === undefined) throw problem.error
  if (rule?.logsource === undefined)
    throw detectError('RULE_SHAPE', {
      attempted: `explaining ${file.path}`,
      received: 'a correlation',
      advice: 'Ask for it by explainCorrelation',
    })
  const source = sourceOf(file, rule.id)
  const names = source.detection.selections.map(({ name }) => name)
  const judge = subject === undefined ? undefined : itemJudge(source, subject)
  const selections = source.detection.selections.map(({ name, groups }) => {
    const explained = groups.map((items) => items.map((item) => explainedItem(item, judge)))
    const holds = judge && anyOf(explained.map((items) => allOf(items.map((item) => item.holds))))
    return { name, groups: explained, holds }
  })
  const holdsOf = new Map(selections.map(({ name, holds }) => [name, holds]))
  return {
    id: source.id,
    title: source.title,
    severity: source.level,
    logsource: source.logsource,
    selections,
    conditions: source.detection.conditions.map(({ text }) => ({
      text,
      condition: explainedCondition(parseCondition(text, names), holdsOf),
    })),
    isConcerned: subject && rule.types.includes(subject.event.type_uid),
    fires: subject && matchesOf(ruleset, subject.event, subject.side).some((match) => match.rule === rule),
  }
}

/** Of the document that the rule was compiled from. */
function sourceOf(file: RuleFile, id: string): RuleSource {
  const sources = documentsIn(file).flatMap((read) => {
    try {
      const document = read({ line: 1 })
      return [ruleSource(document, faultsIn(document, { line: 1 }))]
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      return []
    }
  })
  return sources.find((source) => source.id === id) as RuleSource
}

type ItemJudge = (item: ItemSource) => { readonly holds: boolean | undefined; readonly found: readonly FieldValue[] }

/** Judges each line as a rule of its own, and a second one that tells what the event has at the field. */
function itemJudge({ logsource }: RuleSource, { event, side }: Subject): ItemJudge {
  const matchesOf = (selection: unknown) => {
    const text = JSON.stringify({
      title: 'a line',
      id: itemId,
      logsource,
      detection: { line: selection, condition: 'line' },
    })
    const { ruleset } = loadRules([{ path: 'a line', text }])
    const [match] = evaluate(ruleset, event, side)
    return ruleset.rules.length === 0 ? undefined : (match ?? null)
  }
  return ({ field, modifiers, values }) => {
    const own = matchesOf(field === '' ? values : { [[field, ...modifiers].join('|')]: values })
    const there = field === '' ? own : matchesOf({ [`${field}|exists`]: true })
    const found = (there?.reasons ?? []).map(({ attribute, value }) => ({
      attribute,
      value: side?.[attribute]?.value ?? value,
    }))
    return { holds: own === undefined ? undefined : own !== null, found }
  }
}

const itemId = '00000000-0000-0000-0000-000000000000'

function explainedItem(item: ItemSource, judge: ItemJudge | undefined): ExplainedItem {
  const { field, modifiers, values } = item
  return { field, modifiers, values, ...(judge?.(item) ?? { holds: undefined, found: [] }) }
}

function explainedCondition(
  condition: Condition,
  holdsOf: ReadonlyMap<string, boolean | undefined>,
): ExplainedCondition {
  if (condition.kind === 'selection') return { ...condition, holds: holdsOf.get(condition.name) }
  if (condition.kind === 'not') {
    const of = explainedCondition(condition.of, holdsOf)
    return { kind: 'not', of, holds: of.holds === undefined ? undefined : !of.holds }
  }
  const of = condition.of.map((inner) => explainedCondition(inner, holdsOf))
  const each = of.map(({ holds }) => holds)
  return { kind: condition.kind, of, holds: condition.kind === 'and' ? allOf(each) : anyOf(each) }
}

type Holds = boolean | undefined
const allOf = (each: readonly Holds[]): Holds =>
  each.includes(false) ? false : each.includes(undefined) ? undefined : true
const anyOf = (each: readonly Holds[]): Holds =>
  each.includes(true) ? true : each.includes(undefined) ? undefined : false

// SPDX-License-Identifier: Apache-2.0

import { clip, type OcsfAttack, type Reason, type SeverityName } from '@sealwatch/contract'
import { nearest } from '@sealwatch/contract/nearest'
import { attacksOf } from '../attack.ts'
import { ruleLimits } from '../limits.ts'
import type { Attribute, AttributeTable, Reading } from '../reading.ts'
import { RegexSyntaxError } from '../regex/parse.ts'
import { type Condition, ConditionError, parseCondition, selectionsIn } from './condition.ts'
import { parseDocument, type RuleFile } from './document.ts'
import { compileItem, type Item, ValueError } from './item.ts'
import { type LogSource, logSourceOf } from './log-sources.ts'
import { comparisonOf, ModifierError } from './modifiers.ts'
import { type Fault, faultsIn, type ItemSource, type RuleSource, ruleSource, type SelectionSource } from './source.ts'

/** Why it fires, or undefined when it does not. Pure; never throws, whatever the event. */
export type Judge = (reading: Reading) => readonly Reason[] | undefined

export type Rule = {
  readonly path: string
  readonly id: string
  readonly title: string
  readonly description: string | undefined
  readonly version: string | undefined
  readonly severity: SeverityName
  readonly attacks: readonly OcsfAttack[]
  readonly references: readonly string[]
  readonly falsepositives: readonly string[]
  /** OCSF type_uids of the events it looks at; empty: its log source is not collected. */
  readonly types: readonly number[]
  /** Selections that the condition never looks at. */
  readonly unused: readonly string[]
  readonly judge: Judge
}

/** Throws SealwatchError; `where.line` is then the line that is wrong. */
export function compileRule(file: RuleFile, attributes: AttributeTable, where: { line: number }): Rule {
  const document = parseDocument(file)
  const fault = faultsIn(file.path, document, where)
  const source = ruleSource(document, fault)
  const logSource = logSourceOf(source.logsource)
  const selections = new Map(
    source.selections.map((selection) => [selection.name, compileSelection(selection, logSource, attributes, fault)]),
  )
  const conditions = conditionsOf(source, fault)
  const used = new Set(conditions.flatMap(selectionsIn))
  return {
    path: file.path,
    id: source.id,
    title: source.title,
    description: source.description,
    version: source.version,
    severity: source.level,
    attacks: attacksOf(source.tags),
    references: source.references,
    falsepositives: source.falsepositives,
    types: logSource.types,
    unused: [...selections.keys()].filter((name) => !used.has(name)),
    judge: firstOf(conditions.map((condition) => compileCondition(condition, selections))),
  }
}

function conditionsOf({ conditions, selections }: RuleSource, fault: Fault): readonly Condition[] {
  const names = selections.map(({ name }) => name)
  return conditions.map(({ text, at }) => {
    try {
      return parseCondition(text, names)
    } catch (cause) {
      if (!(cause instanceof ConditionError)) throw cause
      throw fault('RULE_CONDITION', at, { received: cause.message, advice: cause.advice, cause })
    }
  })
}

function compileCondition(condition: Condition, selections: ReadonlyMap<string, Judge>): Judge {
  if (condition.kind === 'selection') return selections.get(condition.name) as Judge
  if (condition.kind === 'not') {
    const inner = compileCondition(condition.of, selections)
    return (reading) => (inner(reading) ? undefined : [])
  }
  const judges = condition.of.map((inner) => compileCondition(inner, selections))
  return condition.kind === 'and' ? allOf(judges) : firstOf(judges)
}

function compileSelection(
  { name, groups }: SelectionSource,
  logSource: LogSource,
  attributes: AttributeTable,
  fault: Fault,
): Judge {
  const compiled = groups.map((items) =>
    allOf(items.map((item) => explained(name, item, compileSource(item, logSource, attributes, fault)))),
  )
  return firstOf(compiled)
}

function compileSource(source: ItemSource, logSource: LogSource, attributes: AttributeTable, fault: Fault): Item {
  const fieldNamed = (name: string) => attributeOf(name, source, logSource, attributes, fault)
  if (source.field === '' && logSource.fields !== null) throw fault('RULE_KEYWORDS', source.at, {})
  const own = source.field === '' ? textOf(attributes) : [fieldNamed(source.field)]
  const names = source.field === '' ? [...source.modifiers, 'contains'] : source.modifiers
  try {
    return compileItem(own, comparisonOf(names), source.values, fieldNamed)
  } catch (cause) {
    if (cause instanceof ModifierError)
      throw fault('RULE_MODIFIER', source.at, { received: cause.message, advice: cause.advice, cause })
    if (cause instanceof ValueError)
      throw fault('RULE_VALUE', source.at, { received: cause.message, advice: cause.advice, cause })
    if (cause instanceof RegexSyntaxError) throw fault('RULE_REGEX', source.at, { received: cause.message, cause })
    throw cause
  }
}

/** What keywords are searched in: the texts of a log line. */
function textOf(attributes: AttributeTable): readonly Attribute[] {
  return [attributes.attribute(['message']), attributes.attribute(['raw_data'])]
}

function attributeOf(
  name: string,
  { at }: ItemSource,
  { fields }: LogSource,
  attributes: AttributeTable,
  fault: Fault,
): Attribute {
  if (fields === null) return attributes.attribute(['unmapped', name])
  if (Object.hasOwn(fields, name)) return attributes.attribute(fields[name] as readonly string[])
  const meant = nearest(name, Object.keys(fields))
  const advice = meant ? `Write ${meant}` : `There is ${Object.keys(fields).join(', ')}`
  throw fault('RULE_FIELD', at, { received: name, advice })
}

function explained(selection: string, { field }: ItemSource, item: Item): Judge {
  return (reading) => {
    const { matched, found } = item(reading)
    if (!matched) return undefined
    return found.map(({ pointer, sealed }) => ({
      selection,
      field,
      attribute: pointer,
      value: typeof sealed === 'string' ? clip(sealed, ruleLimits.reasonUnitsMax) : sealed,
    }))
  }
}

function allOf(judges: readonly Judge[]): Judge {
  const [only] = judges
  if (judges.length === 1) return only as Judge
  return (reading) => {
    const reasons: Reason[] = []
    for (const judge of judges) {
      const its = judge(reading)
      if (!its) return undefined
      reasons.push(...its)
    }
    return reasons
  }
}

function firstOf(judges: readonly Judge[]): Judge {
  const [only] = judges
  if (judges.length === 1) return only as Judge
  return (reading) => {
    for (const judge of judges) {
      const reasons = judge(reading)
      if (reasons) return reasons
    }
    return undefined
  }
}

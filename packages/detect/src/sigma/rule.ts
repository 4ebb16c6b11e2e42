// SPDX-License-Identifier: Apache-2.0

import { clip, type OcsfAttack, type SeverityName } from '@sealwatch/contract'
import { nearest } from '@sealwatch/contract/nearest'
import { attacksOf } from '../attack.ts'
import { ruleLimits } from '../limits.ts'
import { allOf, firstOf, type Judge, not, type Predicate } from '../predicate.ts'
import type { Attribute, AttributeTable } from '../reading.ts'
import { RegexSyntaxError } from '../regex/parse.ts'
import { type Condition, ConditionError, parseCondition, selectionsIn } from './condition.ts'
import { parseDocument, type RuleFile } from './document.ts'
import { compileItem, type Item, ValueError } from './item.ts'
import { type LogSource, logSourceOf } from './log-sources.ts'
import { comparisonOf, ModifierError } from './modifiers.ts'
import { type Fault, faultsIn, type ItemSource, type RuleSource, ruleSource, type SelectionSource } from './source.ts'

export type Rule = Predicate & {
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
    ...firstOf(conditions.map((condition) => compileCondition(condition, selections))),
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

function compileCondition(condition: Condition, selections: ReadonlyMap<string, Predicate>): Predicate {
  if (condition.kind === 'selection') return selections.get(condition.name) as Predicate
  if (condition.kind === 'not') return not(compileCondition(condition.of, selections))
  const parts = condition.of.map((inner) => compileCondition(inner, selections))
  return condition.kind === 'and' ? allOf(parts) : firstOf(parts)
}

function compileSelection(
  { name, groups }: SelectionSource,
  logSource: LogSource,
  attributes: AttributeTable,
  fault: Fault,
): Predicate {
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

function explained(selection: string, { field }: ItemSource, { match, needs }: Item): Predicate {
  const judge: Judge = (reading) => {
    const { matched, found } = match(reading)
    if (!matched) return undefined
    return found.map(({ pointer, sealed }) => ({
      selection,
      field,
      attribute: pointer,
      value: typeof sealed === 'string' ? clip(sealed, ruleLimits.reasonUnitsMax) : sealed,
    }))
  }
  return { judge, needs }
}

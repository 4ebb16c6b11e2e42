// SPDX-License-Identifier: Apache-2.0

import { clip } from '@sealwatch/contract'
import { nearest } from '@sealwatch/contract/nearest'
import { ruleLimits } from '../limits.ts'
import { allOf, firstOf, type Judge, not, type Predicate } from '../predicate.ts'
import type { Attribute, AttributeTable } from '../reading.ts'
import type { RegexBudget } from '../regex/budget.ts'
import { RegexSyntaxError } from '../regex/parse.ts'
import { type Condition, ConditionError, parseCondition, selectionsIn } from './condition.ts'
import { compileItem, type Item, ValueError } from './item.ts'
import type { LogSource } from './log-sources.ts'
import { comparisonOf, ModifierError } from './modifiers.ts'
import { type Expand, ExpansionError, PlaceholderError } from './placeholder.ts'
import type { Detection, Fault, ItemSource, SelectionSource } from './source.ts'

/** What names in a detection mean. */
export type Scope = {
  readonly logSource: LogSource
  readonly attributes: AttributeTable
  readonly expand: Expand
  /** Of all expressions; undefined: each has the maximum of its own. */
  readonly budget: RegexBudget | undefined
  readonly fault: Fault
  /** Takes note of each field, and whether our events have it. */
  readonly noteField: (name: string, isSupplied: boolean) => void
}

/** Selections joined by a condition, of several conditions by any. `unused`: selections that none of them looks at. */
export function compileDetection(
  { selections, conditions }: Detection,
  scope: Scope,
): { readonly predicate: Predicate; readonly unused: readonly string[] } {
  const compiled = new Map(selections.map((selection) => [selection.name, compileSelection(selection, scope)]))
  const names = [...compiled.keys()]
  const parsed = conditions.map((condition) => parsedCondition(condition, names, scope.fault))
  const used = new Set(parsed.flatMap(selectionsIn))
  return {
    predicate: firstOf(parsed.map((condition) => compileCondition(condition, compiled))),
    unused: names.filter((name) => !used.has(name)),
  }
}

function parsedCondition(
  { text, at }: Detection['conditions'][number],
  names: readonly string[],
  fault: Fault,
): Condition {
  try {
    return parseCondition(text, names)
  } catch (cause) {
    if (!(cause instanceof ConditionError)) throw cause
    throw fault('RULE_CONDITION', at, { received: cause.message, advice: cause.advice, cause })
  }
}

function compileCondition(condition: Condition, selections: ReadonlyMap<string, Predicate>): Predicate {
  if (condition.kind === 'selection') return selections.get(condition.name) as Predicate
  if (condition.kind === 'not') return not(compileCondition(condition.of, selections))
  const parts = condition.of.map((inner) => compileCondition(inner, selections))
  return condition.kind === 'and' ? allOf(parts) : firstOf(parts)
}

function compileSelection({ name, groups }: SelectionSource, scope: Scope): Predicate {
  return firstOf(groups.map((items) => allOf(items.map((item) => explained(name, item, compileSource(item, scope))))))
}

function compileSource(source: ItemSource, scope: Scope): Item {
  const fieldNamed = (name: string) => placesOf(name, source, scope)
  const { field, modifiers, at } = source
  const { fault, budget } = scope
  try {
    const values = modifiers.includes('expand') ? scope.expand(source.values) : source.values
    if (field !== '') return compileItem(fieldNamed(field), comparisonOf(modifiers), values, fieldNamed, budget)
    return compileItem(textsOf(scope), comparisonOf(asKeywords(modifiers)), values, fieldNamed, budget)
  } catch (cause) {
    if (cause instanceof ModifierError)
      throw fault('RULE_MODIFIER', at, { received: cause.message, advice: cause.advice, cause })
    if (cause instanceof ValueError)
      throw fault('RULE_VALUE', at, { received: cause.message, advice: cause.advice, cause })
    if (cause instanceof RegexSyntaxError) throw fault('RULE_REGEX', at, { received: cause.message, cause })
    if (cause instanceof ExpansionError)
      throw fault('RULE_TOO_MANY', at, {
        received: cause.message,
        advice: 'Give the placeholders fewer or shorter values, or split the rule',
        cause,
      })
    if (cause instanceof PlaceholderError) throw fault('RULE_PLACEHOLDER', at, { received: cause.message, cause })
    throw cause
  }
}

/** Keywords are looked for anywhere. */
const asKeywords = (modifiers: readonly string[]) =>
  modifiers.some((name) => ['re', 'startswith', 'endswith', 'contains'].includes(name))
    ? modifiers
    : [...modifiers, 'contains']

const nowhere = (name: string) => ['*', name]

function textsOf({ logSource: { text }, attributes, noteField }: Scope): readonly Attribute[] {
  noteField('keywords', text.length > 0)
  if (text.length === 0) return [attributes.attribute(nowhere('keywords'))]
  return text.map((path) => attributes.attribute(path.split('/')))
}

/** Throws SealwatchError where the log source has no such field. */
export function placesOf(name: string, { at }: Pick<ItemSource, 'at'>, scope: Scope): readonly Attribute[] {
  const { logSource, attributes, fault, noteField } = scope
  const { fields, isOpen } = logSource
  const place = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (place === undefined && !isOpen) {
    const meant = nearest(name, Object.keys(fields))
    const advice = meant ? `Write ${meant}` : `There is ${Object.keys(fields).join(', ')}`
    throw fault('RULE_FIELD', at, { received: name, advice })
  }
  noteField(name, place?.isSupplied ?? false)
  return (place?.paths ?? [nowhere(name)]).map((path) => attributes.attribute(path))
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

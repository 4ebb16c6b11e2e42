// SPDX-License-Identifier: Apache-2.0

import { nearest } from '@sealwatch/contract/nearest'
import { falcoLimits } from '../limits.ts'
import { ConditionError } from '../sigma/condition.ts'
import type { Collection, List, Macro } from './collection.ts'
import { type Matcher, type OperatorName, operators } from './comparison.ts'
import type { Condition, Field, Literal } from './condition.ts'
import { checkField, fieldType } from './field-types.ts'

export type Check = {
  readonly kind: 'check'
  readonly field: Field
  readonly operator: OperatorName
  readonly values: readonly string[]
  readonly matches: Matcher
  /** The macro that it stands in, or `condition`. */
  readonly within: string
}

/** A condition without names: macros and lists are in their places. What several use is one object. */
export type Node =
  | Check
  | { readonly kind: 'and' | 'or'; readonly of: readonly Node[] }
  | { readonly kind: 'not'; readonly of: Node }

/** What it costs to decide a condition with every macro written out. */
type Sized = { readonly node: Node; readonly checks: number; readonly depth: number }

export type Resolve = {
  /** Throws ConditionError for what is not there, goes round in a circle, or is too large; ValueError, FieldError, RegexSyntaxError. */
  readonly condition: (condition: Condition) => Node
  readonly macro: (name: string) => Node
}

const everything = Number.POSITIVE_INFINITY

/** Falco's visibility: a macro sees the macros before it, a list the lists; all see any list, and rules any macro. */
export function resolverOf({ macros, lists }: Pick<Collection, 'macros' | 'lists'>): Resolve {
  let valuesLeft: number = falcoLimits.valuesInAllMax
  const knownMacro = onceEach((name: string, { condition, visible }: Macro) => sized(condition, visible, name))
  const knownList = onceEach((_name: string, { items, visible }: List) => itemsOf(items, visible))

  const itemsOf = (literals: readonly Literal[], visible: number): readonly string[] => {
    const found: string[] = []
    for (const { text, isQuoted } of literals) {
      const list = isQuoted ? undefined : lists.get(text)
      if (list === undefined || list.index >= visible) found.push(text)
      else for (const item of knownList(text, list)) found.push(item)
      if (found.length > falcoLimits.itemsMax)
        throw new ConditionError(`a list of more than ${falcoLimits.itemsMax} items`, 'Use fewer, or startswith')
    }
    return found
  }

  const sized = (condition: Condition, visible: number, within: string): Sized => {
    switch (condition.kind) {
      case 'macro':
        return macroNamed(condition.name, visible)
      case 'check':
        return { node: checked(condition, within), checks: 1, depth: 1 }
      case 'not':
        return joined([sized(condition.of, visible, within)], ([of]) => ({ kind: 'not', of: of as Node }))
      default: {
        const of = condition.of.map((inner) => sized(inner, visible, within))
        return joined(of, (of) => ({ kind: condition.kind, of }))
      }
    }
  }

  const checked = ({ field, operator, values }: Extract<Condition, { kind: 'check' }>, within: string): Node => {
    checkField(field.name)
    const items = itemsOf(values, everything)
    valuesLeft -= items.length
    if (valuesLeft < 0)
      throw new ConditionError(`more than ${falcoLimits.valuesInAllMax} values in all rules`, 'Use shorter lists')
    const matches = operators[operator].matcher(items, fieldType(field.name))
    return { kind: 'check', field, operator, values: items, matches, within }
  }

  const macroNamed = (name: string, visible: number): Sized => {
    const macro = macros.get(name)
    if (macro !== undefined && macro.index < visible) return knownMacro(name, macro)
    const meant = nearest(name, [...macros.keys()])
    const advice = macro ? 'Define it before the macro that uses it' : meant ? `Write ${meant}` : 'Define it'
    throw new ConditionError(`there is no macro ${name}${macro ? ' yet' : ''}`, advice)
  }

  return {
    condition: (condition) => sized(condition, everything, 'condition').node,
    macro: (name) => macroNamed(name, everything).node,
  }
}

function joined(of: readonly Sized[], make: (of: readonly Node[]) => Node): Sized {
  const checks = of.reduce((sum, inner) => sum + inner.checks, 0)
  const depth = 1 + Math.max(...of.map((inner) => inner.depth))
  if (checks > falcoLimits.checksMax)
    throw new ConditionError(`more than ${falcoLimits.checksMax} checks`, 'Use lists, or split the rule')
  if (depth > falcoLimits.depthMax)
    throw new ConditionError(`macros nested deeper than ${falcoLimits.depthMax}`, 'Split the rule')
  return { node: make(of.map(({ node }) => node)), checks, depth }
}

/** Makes each once, or fails each time as it did. One that leads back to itself is refused with the way round. */
function onceEach<D, R>(make: (name: string, definition: D) => R): (name: string, definition: D) => R {
  const known = new Map<string, () => R>()
  const underWay: string[] = []
  const attempt = (name: string, definition: D): (() => R) => {
    underWay.push(name)
    try {
      const made = make(name, definition)
      return () => made
    } catch (error) {
      return () => {
        throw error
      }
    } finally {
      underWay.pop()
    }
  }
  return (name, definition) => {
    const from = underWay.indexOf(name)
    if (from >= 0)
      throw new ConditionError(
        [...underWay.slice(from), name].join(' is '),
        'Leave one of them out: they go in a circle',
      )
    if (underWay.length >= falcoLimits.depthMax)
      throw new ConditionError(`names within names, more than ${falcoLimits.depthMax}`, 'Define them in their order')
    const result = known.get(name) ?? attempt(name, definition)
    known.set(name, result)
    return result()
  }
}

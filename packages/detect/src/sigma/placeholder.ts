// SPDX-License-Identifier: Apache-2.0

import { ruleLimits } from '../limits.ts'
import type { RuleDocument } from './document.ts'
import type { Value } from './item.ts'
import { type Fault, mapAt, textList } from './source.ts'

/** Values by the name that stands between two % in rules. */
export type Placeholders = ReadonlyMap<string, readonly string[]>

export class PlaceholderError extends Error {
  override readonly name = 'PlaceholderError'
}

export class ExpansionError extends Error {
  override readonly name = 'ExpansionError'
}

/** `\%` is a plain percent sign. */
const form = /\\%|%([A-Za-z_][\w.-]*)%/g

/** What a document "placeholders: {NAME: [VALUE, …]}" gives; a form of our own, for Sigma leaves open where values come from. */
export function placeholdersIn(
  { value }: RuleDocument,
  fault: Fault,
): readonly (readonly [string, readonly string[]])[] {
  const at = ['placeholders']
  const named = mapAt(mapAt(value, [], fault).placeholders, at, fault)
  return Object.keys(named).map((name) => [name, textList(named, name, fault, at)])
}

/** Every combination of the values of the placeholders in them. Sigma rules specification 2.1, "Placeholders". */
export type Expand = (values: readonly Value[]) => readonly Value[]

/** For each rule one of its own: what it may come to is counted, and so is what all of them do. */
export function expanding(placeholders: Placeholders): () => Expand {
  const inAll = budgetOf('expandedUnitsInAllMax')
  return () => {
    const own = budgetOf('expandedUnitsMax')
    const spend: Spend = (units) => {
      own(units)
      inAll(units)
    }
    return (values) => {
      const expanded = values.flatMap((value): readonly Value[] =>
        typeof value === 'string' ? expandText(value, placeholders, spend) : [value],
      )
      checkCount(expanded.length)
      return expanded
    }
  }
}

/** Throws ExpansionError, before anything so long is made. */
type Spend = (units: number) => void

function budgetOf(limit: 'expandedUnitsMax' | 'expandedUnitsInAllMax'): Spend {
  const whose = limit === 'expandedUnitsMax' ? 'the rule' : 'all rules together'
  let spent = 0
  return (units) => {
    if (spent + units > ruleLimits[limit])
      throw new ExpansionError(`placeholders that make more than ${ruleLimits[limit]} characters of ${whose}`)
    spent += units
  }
}

function expandText(value: string, placeholders: Placeholders, spend: Spend): readonly string[] {
  let texts: readonly string[] = ['']
  let from = 0
  const append = (before: string, values: readonly string[]) => {
    const made = texts.length * values.length
    checkCount(made)
    const units = unitsOf(texts)
    spend(made + made * before.length + values.length * units + texts.length * unitsOf(values) - units)
    texts = texts.flatMap((text) => values.map((one) => text + before + one))
  }
  for (const found of value.matchAll(form)) {
    const [whole, name] = found
    append(value.slice(from, found.index), name === undefined ? ['%'] : valuesOf(name, placeholders))
    from = found.index + whole.length
  }
  append(value.slice(from), [''])
  return texts
}

const unitsOf = (texts: readonly string[]) => texts.reduce((sum, { length }) => sum + length, 0)

function valuesOf(name: string, placeholders: Placeholders): readonly string[] {
  const values = placeholders.get(name) ?? []
  if (values.length === 0) throw new PlaceholderError(`%${name}% has no values`)
  return values
}

function checkCount(count: number): void {
  if (count > ruleLimits.valuesMax) throw new ExpansionError(`${count} values of ${ruleLimits.valuesMax}`)
}

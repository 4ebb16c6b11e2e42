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
export function expand(values: readonly Value[], placeholders: Placeholders): readonly Value[] {
  return bounded(
    values.flatMap((value): readonly Value[] =>
      typeof value === 'string' ? expandText(value, placeholders) : [value],
    ),
  )
}

function expandText(value: string, placeholders: Placeholders): readonly string[] {
  let texts: readonly string[] = ['']
  let from = 0
  for (const found of value.matchAll(form)) {
    const [whole, name] = found
    const before = value.slice(from, found.index)
    from = found.index + whole.length
    const values = name === undefined ? ['%'] : valuesOf(name, placeholders)
    texts = bounded(texts.flatMap((text) => values.map((one) => text + before + one)))
  }
  return texts.map((text) => text + value.slice(from))
}

function valuesOf(name: string, placeholders: Placeholders): readonly string[] {
  const values = placeholders.get(name) ?? []
  if (values.length === 0) throw new PlaceholderError(`%${name}% has no values`)
  return values
}

function bounded<T>(values: readonly T[]): readonly T[] {
  if (values.length <= ruleLimits.valuesMax) return values
  throw new PlaceholderError(`${values.length} values of ${ruleLimits.valuesMax}`)
}

// SPDX-License-Identifier: Apache-2.0

import type { Field, Operator } from './fields.ts'

/** A time is in Unix milliseconds; of a name that has a number it is that. */
export type Value = string | number

export type Term = {
  readonly is: 'term'
  readonly field: Field
  readonly operator: Operator
  /** One; of `in`, two or more, each once. */
  readonly values: readonly Value[]
}

/** `and` and `or` hold two or more, and no other of their own kind directly within. */
export type Filter =
  | Term
  | { readonly is: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly is: 'not'; readonly part: Filter }

export function termsOf(filter: Filter): Term[] {
  if (filter.is === 'term') return [filter]
  return filter.is === 'not' ? termsOf(filter.part) : filter.parts.flatMap(termsOf)
}

export const term = (field: Field, operator: Operator, ...values: readonly Value[]): Term => ({
  is: 'term',
  field,
  operator,
  values,
})

/** What all of them let through. */
export function allOf(...filters: readonly [Filter, ...(Filter | undefined)[]]): Filter {
  const parts = filters.flatMap((filter) => (filter === undefined ? [] : filter.is === 'and' ? filter.parts : [filter]))
  return parts.length === 1 ? (parts[0] as Filter) : { is: 'and', parts }
}

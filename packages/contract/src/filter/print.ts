// SPDX-License-Identifier: Apache-2.0

import { fieldRow } from './fields.ts'
import type { Filter, Term, Value } from './filter.ts'
import { bareForm } from './tokens.ts'

/** The one text of a filter: what is read back is the same filter, and what reads the same is printed the same. */
export function printFilter(filter: Filter): string {
  if (filter.is === 'term') return printTerm(filter)
  if (filter.is === 'not') return `not ${bracketed(filter.part, filter.part.is === 'and' || filter.part.is === 'or')}`
  return filter.parts.map((part) => bracketed(part, filter.is === 'and' && part.is === 'or')).join(` ${filter.is} `)
}

const bracketed = (filter: Filter, isNeeded: boolean) => (isNeeded ? `(${printFilter(filter)})` : printFilter(filter))

function printTerm({ field, operator, values }: Term): string {
  const row = fieldRow(field)
  const printed = values.map((value) => printValue(value, row.value === 'time', row.names))
  return operator === 'in' ? `${field} in (${printed.join(', ')})` : `${field}${operator}${printed[0]}`
}

function printValue(value: Value, isTime: boolean, names: Readonly<Record<string, number>> | undefined): string {
  if (isTime) return new Date(value as number).toISOString().replace('.000Z', 'Z')
  const name = Object.entries(names ?? {}).find(([, number]) => number === value)?.[0]
  const text = name ?? String(value)
  const isBare = bareForm.test(text) && !/^(?:and|or|not|in)$/i.test(text)
  return isBare ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

// SPDX-License-Identifier: Apache-2.0
// Filters and entries of every kind, for tests of this package and of others.

import fc from 'fast-check'
import { type Field, fieldNames, fieldRow, type Operator } from '../src/filter/fields.ts'
import type { Filter, Term, Value } from '../src/filter/filter.ts'
import type { FilterEntry } from '../src/filter/match.ts'

const classUids = [1001, 1004, 1007, 1008, 2004, 3004, 6002, 9999]
const baseMs = Date.parse('2026-01-01T00:00:00Z')
const timeMs = fc.integer({ min: 0, max: 40 }).map((step) => baseMs + step * 997)
const leaf = fc.integer({ min: 0, max: 40 })
const text = fc.oneof(
  fc.constantFrom('web-1', 'web-2', 'db', 'a"b', 'c\\d', 'and', 'Größe', '❤️', 'h1'),
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abwe-"\\ ü1') }),
)

function valuesOf(field: Field): fc.Arbitrary<Value> {
  const row = fieldRow(field)
  switch (field) {
    case 'class':
      return fc.constantFrom(...classUids)
    case 'activity':
      return fc.oneof(fc.constantFrom(...(row.words ?? [])), fc.integer({ min: 0, max: 15 }))
    case 'severity':
      return fc.integer({ min: 0, max: 6 })
    case 'time':
      return timeMs
    case 'leaf':
      return leaf
    default:
      return row.words === undefined ? text : fc.constantFrom(...row.words)
  }
}

const term: fc.Arbitrary<Term> = fc
  .constantFrom(...fieldNames)
  .chain((field) => fc.tuple(fc.constant(field), fc.constantFrom<Operator>(...fieldRow(field).operators)))
  .chain(([field, operator]) =>
    fc
      .uniqueArray(valuesOf(field), operator === 'in' ? { minLength: 2, maxLength: 4 } : { minLength: 1, maxLength: 1 })
      .map((values) => ({ is: 'term', field, operator, values }) as const),
  )
  // A field with fewer values than two has no list of them.
  .filter(({ operator, values }) => operator !== 'in' || values.length > 1)

export const filters: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    term,
    tie('filter').map((part) => ({ is: 'not', part }) as const),
    fc
      .tuple(fc.constantFrom('and', 'or'), fc.array(tie('filter'), { minLength: 2, maxLength: 3 }))
      .map(([is, parts]) => ({ is, parts: parts.flatMap((part) => (part.is === is ? part.parts : [part])) })),
  ),
})).filter

const maybe = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values))

export type PlainEntry = Omit<FilterEntry, 'hosts' | 'text'> & { readonly host: string; readonly line: string }

export const entries: fc.Arbitrary<PlainEntry> = fc.record({
  leaf,
  timeMs,
  kind: fc.constantFrom('event', 'event', 'event', 'head', 'key', 'stub'),
  classUid: maybe(classUids),
  activityId: maybe([0, 1, 2, 3, 4, 6, 7, 8, 14]),
  severityId: maybe([0, 1, 2, 3, 4, 5, 6]),
  own: fc.boolean(),
  host: text,
  line: fc.array(text, { maxLength: 3 }).map((texts) => JSON.stringify(texts)),
})

export const entryOf = ({ host, line, ...rest }: PlainEntry): FilterEntry => ({
  ...rest,
  hosts: () => [host],
  text: () => line.toLowerCase(),
})

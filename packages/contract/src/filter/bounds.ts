// SPDX-License-Identifier: Apache-2.0

import { activityMeanings, fieldRow, type Operator } from './fields.ts'
import { type Filter, type Term, termsOf } from './filter.ts'

/** Where alone a filter can match; undefined: anywhere. Ends are half-open. */
export type FilterBounds = {
  readonly fromMs: number
  readonly toMs: number
  readonly fromLeaf: number
  readonly toLeaf: number
  readonly classUids: ReadonlySet<number> | undefined
  readonly kinds: ReadonlySet<string> | undefined
  /** Only lines of the server itself. */
  readonly own: boolean
}

const anywhere: FilterBounds = {
  fromMs: Number.NEGATIVE_INFINITY,
  toMs: Number.POSITIVE_INFINITY,
  fromLeaf: 0,
  toLeaf: Number.MAX_SAFE_INTEGER,
  classUids: undefined,
  kinds: undefined,
  own: false,
}

/** Does it ask for what only the line itself says? */
export const needsLine = (filter: Filter): boolean => termsOf(filter).some(({ field }) => fieldRow(field).line)

const opposite: Readonly<Record<Operator, Operator | undefined>> = {
  '=': '!=',
  '!=': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
  '~': undefined,
  in: undefined,
}

/** With each `not` at its comparison. */
export function pushNotDown(filter: Filter, isNot = false): Filter {
  if (filter.is === 'not') return pushNotDown(filter.part, !isNot)
  if (filter.is === 'term') return isNot ? { is: 'not', part: filter } : filter
  const parts = filter.parts.map((part) => pushNotDown(part, isNot))
  return { is: isNot ? (filter.is === 'and' ? 'or' : 'and') : filter.is, parts }
}

/** What no match lies outside of: an index need not look there. */
export function filterBounds(filter: Filter): FilterBounds {
  return boundsOf(pushNotDown(filter))
}

function boundsOf(filter: Filter): FilterBounds {
  if (filter.is === 'term') return termBounds(filter)
  if (filter.is === 'not') {
    const term = filter.part as Term
    const operator = opposite[term.operator]
    // Only what every entry has: of what one may lack, its `not` is more than its opposite.
    const isEverywhere = term.field === 'time' || term.field === 'leaf' || term.field === 'source'
    return operator !== undefined && isEverywhere ? termBounds({ ...term, operator }) : anywhere
  }
  const [first, ...rest] = filter.parts.map(boundsOf) as [FilterBounds, ...FilterBounds[]]
  return rest.reduce(filter.is === 'and' ? both : either, first)
}

function termBounds({ field, operator, values }: Term): FilterBounds {
  const isIn = operator === '=' || operator === 'in'
  if (field === 'class') return isIn ? { ...anywhere, classUids: new Set(values as readonly number[]) } : anywhere
  if (field === 'kind') return isIn ? { ...anywhere, kinds: new Set(values as readonly string[]) } : anywhere
  if (field === 'activity') {
    if (!isIn || values.some((value) => typeof value === 'number')) return anywhere
    const meanings = values.flatMap((value) => activityMeanings.get(value as string) ?? [])
    return { ...anywhere, classUids: new Set(meanings.map(({ classUid }) => classUid)) }
  }
  if (field === 'source') {
    const [value] = values
    return { ...anywhere, own: values.length === 1 && (value === 'server') === isIn && operator !== 'in' }
  }
  if (field !== 'time' && field !== 'leaf') return anywhere
  const numbers = values as readonly number[]
  const [value] = numbers as readonly [number]
  const [from, to] = isIn
    ? [Math.min(...numbers), Math.max(...numbers) + 1]
    : [
        operator === '>' ? value + 1 : operator === '>=' ? value : Number.NEGATIVE_INFINITY,
        operator === '<' ? value : operator === '<=' ? value + 1 : Number.POSITIVE_INFINITY,
      ]
  return field === 'time'
    ? { ...anywhere, fromMs: from, toMs: to }
    : { ...anywhere, fromLeaf: Math.max(0, from), toLeaf: Math.min(to, Number.MAX_SAFE_INTEGER) }
}

const both = (a: FilterBounds, b: FilterBounds): FilterBounds => ({
  fromMs: Math.max(a.fromMs, b.fromMs),
  toMs: Math.min(a.toMs, b.toMs),
  fromLeaf: Math.max(a.fromLeaf, b.fromLeaf),
  toLeaf: Math.min(a.toLeaf, b.toLeaf),
  classUids: common(a.classUids, b.classUids),
  kinds: common(a.kinds, b.kinds),
  own: a.own || b.own,
})

const either = (a: FilterBounds, b: FilterBounds): FilterBounds => ({
  fromMs: Math.min(a.fromMs, b.fromMs),
  toMs: Math.max(a.toMs, b.toMs),
  fromLeaf: Math.min(a.fromLeaf, b.fromLeaf),
  toLeaf: Math.max(a.toLeaf, b.toLeaf),
  classUids: a.classUids && b.classUids && a.classUids.union(b.classUids),
  kinds: a.kinds && b.kinds && a.kinds.union(b.kinds),
  own: a.own && b.own,
})

/** Undefined is everything. */
function common<T>(a: ReadonlySet<T> | undefined, b: ReadonlySet<T> | undefined): ReadonlySet<T> | undefined {
  return a === undefined ? b : b === undefined ? a : a.intersection(b)
}

// SPDX-License-Identifier: Apache-2.0

import {
  compilePaths,
  type KeyRange,
  mergeRanges,
  parsePrefix,
  portRange,
  rangeWith,
} from '@sealwatch/contract/policy-values'
import { compilePattern, parsePattern } from '@sealwatch/contract/wildcard'
import type { EventFacts, Fact, Thing } from './facts.ts'

/** Why a member of a rule matched: the value that the rule lists, and what the event has. */
export type PolicyReason = {
  readonly member: string
  readonly pattern: string
  /** JSON pointer into the line. */
  readonly attribute: string
  /** As the line has it: of a personal value, the commitment. */
  readonly value: string | number
}

/** The reasons for which all of it matched; false: it does not; undefined: the event does not say. */
export type Verdict = readonly PolicyReason[] | false | undefined
/** One member of a rule, or all of them together. */
export type Facet = (facts: EventFacts) => Verdict

type Value = string | number
/** Tells the listed value that a value of an event fits. */
type Finder = (value: string) => Value | undefined
const severities = ['unknown', 'informational', 'low', 'medium', 'high', 'critical']

const finders = {
  words: (values: readonly Value[]): Finder => {
    const all = new Map(values.map((value) => [String(value), value]))
    return (value) => all.get(value)
  },
  paths: (values: readonly Value[]): Finder => compilePaths(values.map(String)),
  texts: (values: readonly Value[]): Finder => {
    const patterns = values.map((value) => ({ value, matches: compilePattern(parsePattern(String(value))) }))
    return (text) => patterns.find(({ matches }) => matches(text))?.value
  },
  addresses: (values: readonly Value[]): Finder => inRanges(values, (value) => parsePrefix(String(value))?.range),
  ports: (values: readonly Value[]): Finder => inRanges(values, portRange),
  severity: ([least = '']: readonly Value[]): Finder => {
    const from = severities.indexOf(String(least))
    return (value) => (Number(value) >= from ? least : undefined)
  },
} as const

/** Sorted and merged, however many there are; of the listed values the first that holds the key is told. */
function inRanges(values: readonly Value[], rangeOf: (value: Value) => KeyRange | undefined): Finder {
  const rows = values.flatMap((value) => {
    const range = rangeOf(value)
    return range === undefined ? [] : [{ value, range }]
  })
  const merged = mergeRanges(rows.map(({ range }) => range))
  return (key) => {
    if (rangeWith(merged, key) === undefined) return undefined
    return rows.find(({ range: [from, to] }) => from <= key && key <= to)?.value
  }
}

type FinderKind = keyof typeof finders
/** `users`: names are asked of one thing, numbers of another. */
export type FacetRow = { readonly thing: Thing; readonly kind: FinderKind } | 'users'

/** Finders of long lists are made once, however many rules name the list. */
const finderCache = new WeakMap<readonly Value[], Map<string, Finder>>()

function finderOf(kind: FinderKind, values: readonly Value[]): Finder {
  const made = finderCache.get(values) ?? new Map<string, Finder>()
  finderCache.set(values, made)
  const finder = made.get(kind) ?? finders[kind](values)
  made.set(kind, finder)
  return finder
}

export function facetOf(member: string, row: FacetRow, given: Value | readonly Value[]): Facet {
  const values = Array.isArray(given) ? (given as readonly Value[]) : [given as Value]
  if (row === 'users') return usersFacet(member, values)
  const { thing, kind } = row
  const find = finderOf(kind, values)
  return (facts) => {
    const { found, whole } = facts(thing)
    for (const fact of found) {
      const pattern = find(fact.value)
      if (pattern !== undefined) return [reasonOf(member, pattern, fact)]
    }
    return whole ? false : undefined
  }
}

function usersFacet(member: string, values: readonly Value[]): Facet {
  const names = values.filter((value) => typeof value === 'string')
  const numbers = values.filter((value) => typeof value === 'number')
  return oneOf([
    ...(numbers.length > 0 ? [facetOf(member, { thing: 'actingUserId', kind: 'words' }, numbers)] : []),
    ...(names.length > 0 ? [facetOf(member, { thing: 'actingAccount', kind: 'words' }, names)] : []),
  ])
}

const reasonOf = (member: string, pattern: Value, { attribute, shown }: Fact): PolicyReason => ({
  member,
  pattern: String(pattern),
  attribute,
  value: shown,
})

/** All must match: one that does not settles it, whatever else is unknown. */
export function allOf(facets: readonly Facet[]): Facet {
  return (facts) => {
    const reasons: PolicyReason[] = []
    let isKnown = true
    for (const facet of facets) {
      const verdict = facet(facts)
      if (verdict === false) return false
      if (verdict === undefined) isKnown = false
      else reasons.push(...verdict)
    }
    return isKnown ? reasons : undefined
  }
}

/** One has to match. */
export function oneOf(facets: readonly Facet[]): Facet {
  return (facts) => {
    let isKnown = true
    for (const facet of facets) {
      const verdict = facet(facts)
      if (verdict === undefined) isKnown = false
      else if (verdict !== false) return verdict
    }
    return isKnown ? false : undefined
  }
}

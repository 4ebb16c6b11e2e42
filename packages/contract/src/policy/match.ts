// SPDX-License-Identifier: Apache-2.0

import { parsePrefix } from './address.ts'
import type { PolicyDocument, PolicyRule } from './document.ts'
import { pathCovers, wildcardCovers } from './path-pattern.ts'
import { type KeyRange, mergeRanges, portRange, rangesCover } from './ranges.ts'

/** What a rule matches, member by member; a member that it does not have matches everything. */
export type Match = readonly Facet[]
type FacetKind = 'addresses' | 'ports' | 'paths' | 'texts' | 'severity' | 'words'
type Facet = {
  readonly member: string
  readonly kind: FacetKind
  readonly values: readonly (string | number)[]
  readonly words: ReadonlySet<string | number>
  readonly ranges: readonly KeyRange[]
  /** Of the values those with wildcards, and what each begins with before the first of them. */
  readonly patterns: readonly { readonly pattern: string; readonly plain: string }[]
}

/** In the order in which rules are told apart soonest. */
const kindOrder: readonly FacetKind[] = ['addresses', 'ports', 'paths', 'texts', 'severity', 'words']

const facetKinds: Readonly<Record<string, FacetKind>> = {
  direction: 'words',
  protocols: 'words',
  operations: 'words',
  users: 'words',
  addresses: 'addresses',
  ports: 'ports',
  paths: 'paths',
  executables: 'paths',
  ancestors: 'paths',
  units: 'texts',
  command_lines: 'texts',
  hosts: 'texts',
  detections: 'texts',
  severity_from: 'severity',
}
const severities = ['informational', 'low', 'medium', 'high', 'critical']

/** Of a rule whose lists are resolved. */
export function matchOf(rule: PolicyRule): Match {
  const facets = Object.entries(rule).flatMap(([member, value]) => {
    const kind = facetKinds[member]
    return kind === undefined || value === undefined ? [] : [facetOf(member, kind, [value].flat() as string[])]
  })
  return facets.sort((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind))
}

function facetOf(member: string, kind: FacetKind, values: readonly (string | number)[]): Facet {
  const rangeOf = kind === 'ports' ? portRange : (value: string | number) => parsePrefix(String(value))?.range
  const isRange = kind === 'addresses' || kind === 'ports'
  return {
    member,
    kind,
    values,
    words: new Set(values),
    ranges: isRange ? mergeRanges(values.map(rangeOf).filter((range) => range !== undefined)) : [],
    patterns: kind === 'paths' || kind === 'texts' ? values.flatMap((value) => patternOf(String(value))) : [],
  }
}

function patternOf(value: string): { pattern: string; plain: string } | readonly [] {
  const plain = /^[^*?\\]*(?=[*?\\])/.exec(value)
  return plain === null ? [] : { pattern: value, plain: plain[0] }
}

/** Rules are compared with those of the same place alone: one answers a finding by each action, one counts it. */
export function placeOf(type: PolicyDocument['type'], rule: PolicyRule): string | undefined {
  if (type === 'response') return (rule as { action: string }).action
  if (type === 'detection') return (rule as { kind: string }).kind
  return type === 'retention' ? undefined : ''
}

/** What comes of a match: rules with the same outcome do not contradict each other. */
export function outcomeOf(rule: PolicyRule): string {
  const { id: _id, description: _description, ...rest } = rule as Record<string, unknown>
  return JSON.stringify(Object.entries(rest).filter(([member]) => facetKinds[member] === undefined))
}

/** Compares matches, as long as it may. */
export type Comparer = {
  /** Does `earlier` match all that `later` does? True only where that is sure. */
  covers(earlier: Match, later: Match): boolean
  /** Did it run out of steps? All answers from then on are no. */
  readonly exhausted: boolean
}

export function createComparer(stepsMax: number): Comparer {
  let steps = 0

  function facetCovers(outer: Facet, inner: Facet): boolean {
    steps += 1
    switch (outer.kind) {
      case 'addresses':
      case 'ports':
        return rangesCover(outer.ranges, inner.ranges)
      case 'paths':
        return textsCover(outer, inner, pathCovers)
      case 'texts':
        return textsCover(outer, inner, wildcardCovers)
      case 'severity':
        return severities.indexOf(String(outer.values[0])) <= severities.indexOf(String(inner.values[0]))
      case 'words':
        return inner.values.every((value) => outer.words.has(value))
    }
  }

  function textsCover(outer: Facet, inner: Facet, covers: (outer: string, inner: string) => boolean): boolean {
    return inner.values.every((value) => {
      if (outer.words.has(value)) return true
      const text = String(value)
      return outer.patterns.some(({ pattern, plain }) => {
        steps += 1
        // What a pattern begins with, all that it covers begins with.
        if (steps > stepsMax || !text.startsWith(plain)) return false
        steps += pattern.length + text.length
        return covers(pattern, text)
      })
    })
  }

  return {
    get exhausted() {
      return steps > stepsMax
    },
    covers: (earlier, later) => {
      for (const outer of earlier) {
        const inner = later.find(({ member }) => member === outer.member)
        if (inner === undefined || steps > stepsMax || !facetCovers(outer, inner)) return false
      }
      return steps <= stepsMax
    },
  }
}

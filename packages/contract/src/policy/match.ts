// SPDX-License-Identifier: Apache-2.0

import { parsePrefix } from './address.ts'
import type { PolicyDocument, PolicyRule } from './document.ts'
import { pathCovers, wildcardCovers } from './path-pattern.ts'
import { type KeyRange, mergeRanges, portRange, rangesCover } from './ranges.ts'

/** What a rule matches, member by member; a member that it does not have matches everything. */
export type Match = readonly Facet[]
type Facet = { readonly member: string; readonly kind: FacetKind; readonly values: readonly (string | number)[] }
type FacetKind = 'words' | 'paths' | 'texts' | 'addresses' | 'ports' | 'severity'

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
  return Object.entries(rule).flatMap(([member, value]) => {
    const kind = facetKinds[member]
    return kind === undefined || value === undefined ? [] : [{ member, kind, values: [value].flat() as string[] }]
  })
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
  const ranges = new Map<Facet, readonly KeyRange[]>()
  const words = new Map<Facet, ReadonlySet<string | number>>()
  const patterns = new Map<Facet, readonly { readonly pattern: string; readonly plain: string }[]>()
  let steps = 0

  const rangesOf = (facet: Facet): readonly KeyRange[] => {
    const known = ranges.get(facet)
    if (known !== undefined) return known
    const read = facet.kind === 'ports' ? portRange : (value: string | number) => parsePrefix(String(value))?.range
    const found = mergeRanges(
      facet.values.flatMap((value) => [read(value) ?? []].filter((range) => range.length > 0) as KeyRange[]),
    )
    steps += facet.values.length
    ranges.set(facet, found)
    return found
  }
  const patternsOf = (facet: Facet): readonly { readonly pattern: string; readonly plain: string }[] => {
    const known = patterns.get(facet)
    if (known !== undefined) return known
    const found = facet.values.flatMap((value) => {
      const plain = /^[^*?\\]*(?=[*?\\])/.exec(String(value))
      return plain === null ? [] : [{ pattern: String(value), plain: plain[0] }]
    })
    patterns.set(facet, found)
    return found
  }
  const wordsOf = (facet: Facet): ReadonlySet<string | number> => {
    const known = words.get(facet) ?? new Set(facet.values)
    words.set(facet, known)
    return known
  }

  function facetCovers(outer: Facet, inner: Facet): boolean {
    steps += 1
    switch (outer.kind) {
      case 'words':
        return inner.values.every((value) => wordsOf(outer).has(value))
      case 'severity':
        return severities.indexOf(String(outer.values[0])) <= severities.indexOf(String(inner.values[0]))
      case 'addresses':
      case 'ports':
        return rangesCover(rangesOf(outer), rangesOf(inner))
      case 'paths':
        return textsCover(outer, inner, pathCovers)
      case 'texts':
        return textsCover(outer, inner, wildcardCovers)
    }
  }

  function textsCover(outer: Facet, inner: Facet, covers: (outer: string, inner: string) => boolean): boolean {
    const patterns = patternsOf(outer)
    return inner.values.every((value) => {
      if (wordsOf(outer).has(value)) return true
      const text = String(value)
      return patterns.some(({ pattern, plain }) => {
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

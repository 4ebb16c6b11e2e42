// SPDX-License-Identifier: Apache-2.0

import { BlockList, isIP } from 'node:net'
import { compilePattern, lowerPattern, parsePattern, plainPattern, widen } from '@sealwatch/contract/wildcard'
import { allNeeded, eitherOf, inEvents, type Need, type Needs, needOf, presence } from '../needs.ts'
import type { Attribute, Found, Reading, Scalar } from '../reading.ts'
import type { RegexBudget } from '../regex/budget.ts'
import { compileRegex } from '../regex/match.ts'
import type { Comparison, Encoded } from './modifiers.ts'
import { type TimePart, timePart } from './time-part.ts'

export type Value = Scalar | null

/** `found` is what matched, for the reasons of a finding; empty when the match lies in an absence. */
export type ItemMatch = { readonly matched: boolean; readonly found: readonly Found[] }
export type Item = { readonly match: (reading: Reading) => ItemMatch; readonly needs: Needs }

export class ValueError extends Error {
  override readonly name = 'ValueError'
  readonly advice: string

  constructor(message: string, advice: string) {
    super(message)
    this.advice = advice
  }
}

const no: ItemMatch = { matched: false, found: [] }
const absent: ItemMatch = { matched: true, found: [] }

/** Where a field stands; of several places any. */
export type FieldNamed = (name: string) => readonly Attribute[]

/** One line of a selection: does the event have one of the values, or with `all` every one of them? */
export function compileItem(
  attributes: readonly Attribute[],
  comparison: Comparison,
  values: readonly Value[],
  fieldNamed: FieldNamed,
  budget?: RegexBudget,
): Item {
  const tests = values.map((value) => testOf(value, comparison, fieldNamed, budget))
  const [only, ...others] = attributes as readonly [Attribute, ...Attribute[]]
  const match: Item['match'] = (reading) => {
    const candidates = others.length === 0 ? reading(only) : attributes.flatMap((attribute) => reading(attribute))
    const found: Found[] = []
    for (const { hits } of tests) {
      const hit = hits(candidates, reading)
      if (hit.matched && !comparison.all) return hit
      if (!hit.matched && comparison.all) return no
      found.push(...hit.found)
    }
    return { matched: comparison.all, found }
  }
  if (comparison.negated) return { match: (reading) => (match(reading).matched ? no : absent), needs: [] }
  const needs = tests.map((test) => eitherOf(attributes.map((attribute) => inEvents(test.needs(attribute)))))
  return { match, needs: comparison.all ? allNeeded(needs) : eitherOf(needs) }
}

type Test = {
  readonly hits: (candidates: readonly Found[], reading: Reading) => ItemMatch
  /** What the event needs where the values of this attribute are the candidates. */
  readonly needs: (attribute: Attribute) => Needs
}

const anyValue: Test['needs'] = (attribute) => [[presence(attribute)]]

function testOf(value: Value, comparison: Comparison, fieldNamed: FieldNamed, budget?: RegexBudget): Test {
  const { operator } = comparison
  if (operator === 'exists') return existence(value)
  if (value === null) {
    if (operator === 'equals' && !comparison.anyBefore && !comparison.anyAfter) return existence(false)
    throw new ValueError('null with a modifier', 'Leave the modifier out: null means that the field is absent')
  }
  if (operator === 'fieldref') return sameAsField(fieldNamed(textOf(value, 'fieldref')), comparison.cased)
  const { holds, needs = anyValue } = predicateOf(value, comparison, budget)
  return { hits: some(holds), needs }
}

type ValueTest = { readonly holds: (candidate: Found) => boolean; readonly needs?: Test['needs'] }

function predicateOf(value: Scalar, comparison: Comparison, budget?: RegexBudget): ValueTest {
  if (comparison.part) return { holds: partHolds(value, comparison.part, comparison.operator) }
  switch (comparison.operator) {
    case 're': {
      const { matches, literals } = compileRegex(textOf(value, 're'), comparison.regex, budget)
      return {
        holds: ({ text, lower }) => literals.some((literal) => lower.includes(literal)) && matches(text),
        needs: (attribute) => [literals.map((text): Need => ({ attribute, place: 'anywhere', text }))],
      }
    }
    case 'cidr': {
      const includes = networkOf(textOf(value, 'cidr'))
      return { holds: ({ text }) => includes(text) }
    }
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return { holds: ordering(value, comparison.operator) }
    default:
      return equality(value, comparison)
  }
}

function equality(value: Scalar, { anyBefore, anyAfter, cased, encodings }: Comparison): ValueTest {
  const hasWildcards = typeof value === 'string' && encodings.every(({ keepsWildcards }) => keepsWildcards)
  if (encodings.length > 0) textOf(value, 'base64')
  const plain = { text: String(value), as: 'utf8' } as const
  const encoded = encodings.reduce<readonly Encoded[]>((texts, { encode }) => texts.flatMap(encode), [plain])
  const patterns = encoded.map(({ text }) => {
    // What an encoding wrote has no wildcards in it.
    const pattern = hasWildcards ? parsePattern(text) : plainPattern(text)
    return widen(pattern, { before: anyBefore, after: anyAfter })
  })
  const lowered = patterns.map(lowerPattern)
  const matchers = (cased ? patterns : lowered).map(compilePattern)
  return {
    holds: ({ text, lower }) => matchers.some((matches) => matches(cased ? text : lower)),
    needs: (attribute) => [lowered.map((pattern) => needOf(attribute, pattern))],
  }
}

type Order = 'equals' | 'gt' | 'gte' | 'lt' | 'lte'
const orders: Readonly<Record<Order, (one: number, other: number) => boolean>> = {
  equals: (one, other) => one === other,
  gt: (one, other) => one > other,
  gte: (one, other) => one >= other,
  lt: (one, other) => one < other,
  lte: (one, other) => one <= other,
}

function ordering(value: Scalar, operator: Order): (candidate: Found) => boolean {
  if (typeof value !== 'number') throw new ValueError(`|${operator} with ${JSON.stringify(value)}`, 'Write a number')
  return ({ sealed, text }) => text !== '' && typeof sealed !== 'boolean' && orders[operator](Number(text), value)
}

function partHolds(value: Scalar, part: TimePart, operator: Comparison['operator']): (candidate: Found) => boolean {
  if (typeof value !== 'number') throw new ValueError(`|${part} with ${JSON.stringify(value)}`, 'Write a number')
  // modifiers.ts lets no other operator stand beside a part.
  return ({ sealed }) => orders[operator as Order](timePart(sealed, part), value)
}

function existence(value: Value): Test {
  if (typeof value !== 'boolean') throw new ValueError(`|exists with ${JSON.stringify(value)}`, 'Write true or false')
  return {
    hits: (candidates) => (candidates.length > 0 === value ? { matched: true, found: candidates } : no),
    needs: value ? anyValue : () => [],
  }
}

function sameAsField(others: readonly Attribute[], cased: boolean): Test {
  const form = cased ? ('text' as const) : ('lower' as const)
  const hits: Test['hits'] = (candidates, reading) => {
    const wanted = others.flatMap((other) => reading(other).map((its) => its[form]))
    const found = candidates.filter((candidate) => wanted.includes(candidate[form]))
    return found.length > 0 ? { matched: true, found } : no
  }
  return { hits, needs: anyValue }
}

function some(predicate: (candidate: Found) => boolean): Test['hits'] {
  return (candidates) => {
    const found = candidates.find(predicate)
    return found ? { matched: true, found: [found] } : no
  }
}

function networkOf(text: string): (address: string) => boolean {
  const [, address = '', bits = ''] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? []
  const version = isIP(address)
  if (version === 0 || Number(bits) > (version === 4 ? 32 : 128))
    throw new ValueError(`${JSON.stringify(text)} is no network`, 'Write it as 10.0.0.0/8 or fd00::/8')
  const network = new BlockList()
  network.addSubnet(address, Number(bits), version === 4 ? 'ipv4' : 'ipv6')
  return (candidate) => {
    const its = isIP(candidate)
    return its !== 0 && network.check(candidate, its === 4 ? 'ipv4' : 'ipv6')
  }
}

function textOf(value: Scalar, modifier: string): string {
  if (typeof value === 'string') return value
  throw new ValueError(`|${modifier} with ${JSON.stringify(value)}`, 'Write the value in quotes')
}

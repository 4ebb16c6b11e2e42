// SPDX-License-Identifier: Apache-2.0

import { BlockList, isIP } from 'node:net'
import { compilePattern, lowerPattern, parsePattern, plainPattern, widen } from '@sealwatch/contract/wildcard'
import type { Attribute, Found, Reading, Scalar } from '../reading.ts'
import { compileRegex } from '../regex/match.ts'
import type { Comparison } from './modifiers.ts'

export type Value = Scalar | null

/** `found` is what matched, for the reasons of a finding; empty when the match lies in an absence. */
export type ItemMatch = { readonly matched: boolean; readonly found: readonly Found[] }
export type Item = (reading: Reading) => ItemMatch

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

/** One line of a selection: does the event have one of the values, or with `all` every one of them? */
export function compileItem(
  attributes: readonly Attribute[],
  comparison: Comparison,
  values: readonly Value[],
  fieldNamed: (name: string) => Attribute,
): Item {
  const tests = values.map((value) => testOf(value, comparison, fieldNamed))
  const [only, ...others] = attributes as readonly [Attribute, ...Attribute[]]
  const item: Item = (reading) => {
    const candidates = others.length === 0 ? reading(only) : attributes.flatMap(reading)
    const found: Found[] = []
    for (const test of tests) {
      const hit = test(candidates, reading)
      if (hit.matched && !comparison.all) return hit
      if (!hit.matched && comparison.all) return no
      found.push(...hit.found)
    }
    return { matched: comparison.all, found }
  }
  return comparison.negated ? (reading) => (item(reading).matched ? no : absent) : item
}

type Test = (candidates: readonly Found[], reading: Reading) => ItemMatch

function testOf(value: Value, comparison: Comparison, fieldNamed: (name: string) => Attribute): Test {
  const { operator } = comparison
  if (operator === 'exists') return existence(value)
  if (value === null) {
    if (operator === 'equals' && !comparison.anyBefore && !comparison.anyAfter) return existence(false)
    throw new ValueError('null with a modifier', 'Leave the modifier out: null means that the field is absent')
  }
  if (operator === 'fieldref') return sameAsField(fieldNamed(textOf(value, 'fieldref')), comparison.cased)
  return some(predicateOf(value, comparison))
}

function predicateOf(value: Scalar, comparison: Comparison): (candidate: Found) => boolean {
  switch (comparison.operator) {
    case 're': {
      const matches = compileRegex(textOf(value, 're'), comparison.regex)
      return ({ text }) => matches(text)
    }
    case 'cidr': {
      const includes = networkOf(textOf(value, 'cidr'))
      return ({ text }) => includes(text)
    }
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return ordering(value, comparison.operator)
    default:
      return equality(value, comparison)
  }
}

function equality(value: Scalar, { anyBefore, anyAfter, cased, encodings }: Comparison): (candidate: Found) => boolean {
  const isText = typeof value === 'string'
  if (encodings.length > 0) textOf(value, 'base64')
  const encoded = encodings.reduce<readonly string[]>((texts, encode) => texts.flatMap(encode), [String(value)])
  const matchers = encoded.map((text) => {
    // What an encoding wrote has no wildcards in it.
    const pattern = isText && encodings.length === 0 ? parsePattern(text) : plainPattern(text)
    const wide = widen(pattern, { before: anyBefore, after: anyAfter })
    return compilePattern(cased ? wide : lowerPattern(wide))
  })
  return ({ text, lower }) => matchers.some((matches) => matches(cased ? text : lower))
}

function ordering(value: Scalar, operator: 'gt' | 'gte' | 'lt' | 'lte'): (candidate: Found) => boolean {
  if (typeof value !== 'number') throw new ValueError(`|${operator} with ${JSON.stringify(value)}`, 'Write a number')
  const holds = {
    gt: (number: number) => number > value,
    gte: (number: number) => number >= value,
    lt: (number: number) => number < value,
    lte: (number: number) => number <= value,
  }[operator]
  return ({ sealed, text }) => text !== '' && typeof sealed !== 'boolean' && holds(Number(text))
}

function existence(value: Value): Test {
  if (typeof value !== 'boolean') throw new ValueError(`|exists with ${JSON.stringify(value)}`, 'Write true or false')
  return (candidates) => (candidates.length > 0 === value ? { matched: true, found: candidates } : no)
}

function sameAsField(other: Attribute, cased: boolean): Test {
  const form = cased ? ('text' as const) : ('lower' as const)
  return (candidates, reading) => {
    const found = candidates.filter((candidate) => reading(other).some((its) => its[form] === candidate[form]))
    return found.length > 0 ? { matched: true, found } : no
  }
}

function some(predicate: (candidate: Found) => boolean): Test {
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

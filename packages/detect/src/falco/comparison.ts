// SPDX-License-Identifier: Apache-2.0

import { BlockList, isIP } from 'node:net'
import { compilePattern, plainPattern, widen } from '@sealwatch/contract/wildcard'
import { compileRegex } from '../regex/match.ts'
import { ValueError } from '../sigma/item.ts'
import { globMatcher, prefixMatcher } from './glob.ts'

export type FieldType = 'text' | 'number' | 'boolean' | 'address'

export type Matcher = (text: string) => boolean
type Operator = {
  readonly takes: 'nothing' | 'one' | 'many'
  /** What of the values of an event matches; `type` is undefined for a field that is never supplied. */
  readonly matcher: (values: readonly string[], type: FieldType | undefined) => Matcher
}

const one = (make: (value: string) => Matcher): Operator => ({ takes: 'one', matcher: ([value = '']) => make(value) })
const many = (matcher: Operator['matcher']): Operator => ({ takes: 'many', matcher })
const placed = (before: boolean, after: boolean) => (value: string) =>
  compilePattern(widen(plainPattern(value), { before, after }))
const ignoringCase =
  (make: (value: string) => Matcher) =>
  (value: string): Matcher => {
    const matches = make(value.toLowerCase())
    return (text) => matches(text.toLowerCase())
  }
const compared = (holds: (number: number, value: number) => boolean): Operator => ({
  takes: 'one',
  matcher: ([value = ''], type) => {
    if (type !== undefined && type !== 'number') throw new ValueError(`an order of ${type}`, 'Compare by = or in')
    const limit = numberOf(value)
    return (text) => text !== '' && holds(Number(text), limit)
  },
})
const equal: Operator = { takes: 'one', matcher: equalTo }

/** falco.org/docs/concepts/rules/conditions, "Comparison operators". `!=` is the contrary of `=` where there is a value. */
export const operators = {
  '=': equal,
  '==': equal,
  '!=': equal,
  '<': compared((number, value) => number < value),
  '<=': compared((number, value) => number <= value),
  '>': compared((number, value) => number > value),
  '>=': compared((number, value) => number >= value),
  exists: { takes: 'nothing', matcher: () => () => true },
  contains: one(placed(true, true)),
  icontains: one(ignoringCase(placed(true, true))),
  bcontains: one((value) => {
    const wanted = bytesOf(value)
    return (text) => Buffer.from(text).includes(wanted)
  }),
  startswith: one(placed(false, true)),
  bstartswith: one((value) => {
    const wanted = bytesOf(value)
    return (text) => Buffer.from(text).subarray(0, wanted.length).equals(wanted)
  }),
  endswith: one(placed(true, false)),
  glob: one(globMatcher),
  iglob: one(ignoringCase(globMatcher)),
  regex: one((value) => {
    // Always of the whole text. Flags stand at the very beginning.
    const flags = /^\(\?[ims]+\)/.exec(value)?.[0] ?? ''
    return compileRegex(`${flags}^(?:${value.slice(flags.length)})$`, {
      ignoreCase: false,
      multiline: false,
      dotAll: false,
    }).matches
  }),
  in: many(equalTo),
  intersects: many(equalTo),
  pmatch: many(prefixMatcher),
} as const satisfies Record<string, Operator>
export type OperatorName = keyof typeof operators

function equalTo(values: readonly string[], type: FieldType | undefined): Matcher {
  if (type === 'number') {
    const numbers = new Set(values.map(numberOf))
    return (text) => text !== '' && numbers.has(Number(text))
  }
  if (type === 'address') return addressesOf(values)
  const wrong = type === 'boolean' ? values.find((value) => value !== 'true' && value !== 'false') : undefined
  if (wrong !== undefined) throw new ValueError(JSON.stringify(wrong), 'Write true or false')
  const [only = ''] = values
  const texts = new Set(values)
  return values.length === 1 ? (text) => text === only : (text) => texts.has(text)
}

function numberOf(value: string): number {
  if (/^(?:[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|0[xX][0-9a-fA-F]+)$/.test(value)) return Number(value)
  throw new ValueError(`${JSON.stringify(value)} is no number`, 'Write a number')
}

/** Addresses and networks, as 10.1.2.3, 10.0.0.0/8 or fd00::/8. */
function addressesOf(values: readonly string[]): Matcher {
  const list = new BlockList()
  for (const value of values) {
    const [, address = '', bits] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(value) ?? []
    const longest = isIP(address) === 4 ? 32 : 128
    if (isIP(address) === 0 || Number(bits ?? 0) > longest)
      throw new ValueError(`${JSON.stringify(value)} is no address`, 'Write it as 10.1.2.3, 10.0.0.0/8 or fd00::/8')
    list.addSubnet(address, Number(bits ?? longest), longest === 32 ? 'ipv4' : 'ipv6')
  }
  return (text) => {
    const version = isIP(text)
    return version !== 0 && list.check(text, version === 4 ? 'ipv4' : 'ipv6')
  }
}

function bytesOf(value: string): Buffer {
  if (/^(?:[0-9a-fA-F]{2})+$/.test(value)) return Buffer.from(value, 'hex')
  throw new ValueError(`${JSON.stringify(value)} is not hexadecimal`, 'Write two digits for each byte')
}

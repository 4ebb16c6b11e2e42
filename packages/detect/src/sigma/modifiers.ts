// SPDX-License-Identifier: Apache-2.0

import { nearest } from '@sealwatch/contract/nearest'

/** How the values of one item are to be compared. */
export type Comparison = {
  readonly operator: 'equals' | 're' | 'cidr' | 'exists' | 'fieldref' | 'gt' | 'gte' | 'lt' | 'lte'
  /** Every value must match, instead of any. */
  readonly all: boolean
  /** No value may match. */
  readonly negated: boolean
  readonly cased: boolean
  readonly anyBefore: boolean
  readonly anyAfter: boolean
  readonly encodings: readonly ((value: string) => readonly string[])[]
  readonly regex: { readonly ignoreCase: boolean; readonly multiline: boolean; readonly dotAll: boolean }
}

export class ModifierError extends Error {
  override readonly name = 'ModifierError'
  readonly advice: string

  constructor(message: string, advice: string) {
    super(message)
    this.advice = advice
  }
}

const plain: Comparison = {
  operator: 'equals',
  all: false,
  negated: false,
  cased: false,
  anyBefore: false,
  anyAfter: false,
  encodings: [],
  regex: { ignoreCase: false, multiline: false, dotAll: false },
}

/** `kind` says which modifiers exclude each other: at most one place and one operator; flags belong to `re`. */
type Row = {
  readonly kind: 'place' | 'operator' | 'flag' | 'encoding' | 'general'
  readonly apply: (comparison: Comparison) => Comparison
}

const operator = (name: Comparison['operator']): Row => ({ kind: 'operator', apply: (c) => ({ ...c, operator: name }) })
const place = (anyBefore: boolean, anyAfter: boolean): Row => ({
  kind: 'place',
  apply: (c) => ({ ...c, anyBefore, anyAfter }),
})
const flag = (name: keyof Comparison['regex']): Row => ({
  kind: 'flag',
  apply: (c) => ({ ...c, regex: { ...c.regex, [name]: true } }),
})
const encoding = (encode: (value: string) => readonly string[]): Row => ({
  kind: 'encoding',
  apply: (c) => ({ ...c, encodings: [...c.encodings, encode] }),
})

export const modifiers: Readonly<Record<string, Row>> = {
  contains: place(true, true),
  startswith: place(false, true),
  endswith: place(true, false),
  re: operator('re'),
  i: flag('ignoreCase'),
  m: flag('multiline'),
  s: flag('dotAll'),
  cidr: operator('cidr'),
  exists: operator('exists'),
  fieldref: operator('fieldref'),
  gt: operator('gt'),
  gte: operator('gte'),
  lt: operator('lt'),
  lte: operator('lte'),
  all: { kind: 'general', apply: (c) => ({ ...c, all: true }) },
  neq: { kind: 'general', apply: (c) => ({ ...c, negated: true }) },
  cased: { kind: 'general', apply: (c) => ({ ...c, cased: true }) },
  base64: encoding((value) => [base64(value)]),
  base64offset: encoding(base64Offsets),
  windash: encoding(dashes),
}

const elsewhere = ['expand', 'wide', 'utf16', 'utf16le', 'utf16be', 'minute', 'hour', 'day', 'week', 'month', 'year']

export function comparisonOf(names: readonly string[]): Comparison {
  const rows = names.map((name) => ({ name, row: Object.hasOwn(modifiers, name) ? modifiers[name] : undefined }))
  const unknown = rows.find(({ row }) => row === undefined)
  if (unknown) {
    const reason = elsewhere.includes(unknown.name) ? 'is not supported by this engine' : 'is no modifier'
    const meant = nearest(
      unknown.name,
      Object.keys(modifiers).filter((name) => name.length > 1),
    )
    const advice = meant ? `Write ${meant}` : `There is ${Object.keys(modifiers).join(', ')}`
    throw new ModifierError(`|${unknown.name} ${reason}`, advice)
  }
  const named = (kind: Row['kind']) => rows.filter(({ row }) => row?.kind === kind).map(({ name }) => name)
  const comparators = [...named('place'), ...named('operator')]
  if (comparators.length > 1)
    throw new ModifierError(`|${comparators.join(' and |')} contradict each other`, 'Keep one of them')
  if (named('flag').length > 0 && comparators[0] !== 're')
    throw new ModifierError(`|${named('flag')[0]} is a flag of |re`, 'Write |re|i, or leave it out: Sigma ignores case')
  if (named('encoding').length > 0 && named('operator').length > 0)
    throw new ModifierError(`|${named('encoding')[0]} does not go with |${comparators[0]}`, 'Leave one of them out')
  return rows.reduce((comparison, { row }) => row?.apply(comparison) ?? comparison, plain)
}

function base64(value: string): string {
  return Buffer.from(value, 'utf8').toString('base64')
}

/** The three ways a text can lie in a longer encoded one, without the characters its neighbours decide. */
function base64Offsets(value: string): readonly string[] {
  const bytes = Buffer.byteLength(value)
  return [0, 1, 2].map((offset) => {
    const encoded = base64(' '.repeat(offset) + value).replaceAll('=', '')
    const tail = (offset + bytes) % 3 === 0 ? encoded.length : encoded.length - 1
    return encoded.slice([0, 2, 3][offset], tail)
  })
}

/** Each word's leading dash in the forms that Windows programs take. */
function dashes(value: string): readonly string[] {
  return [...new Set(['-', '/', '–', '—', '―'].map((dash) => value.replace(/(?<=^|\s)[-/–—―]/gu, dash)))]
}

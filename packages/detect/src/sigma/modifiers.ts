// SPDX-License-Identifier: Apache-2.0

import { nearest } from '@sealwatch/contract/nearest'
import { ruleLimits } from '../limits.ts'
import type { TimePart } from './time-part.ts'

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
  readonly encodings: readonly Encoding[]
  /** What of a time is compared. */
  readonly part: TimePart | undefined
  readonly regex: { readonly ignoreCase: boolean; readonly multiline: boolean; readonly dotAll: boolean }
}

/** A value on its way: as characters, or after UTF-16 as bytes, one to a unit. */
export type Encoded = { readonly text: string; readonly as: 'utf8' | 'latin1' }
export type Encoding = {
  readonly encode: (value: Encoded) => readonly Encoded[]
  /** Its result has the wildcards of the value. */
  readonly keepsWildcards: boolean
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
  part: undefined,
  regex: { ignoreCase: false, multiline: false, dotAll: false },
}

/** `kind` says which modifiers exclude each other: at most one place and one operator; flags belong to `re`, parts to times. */
type Row = {
  readonly kind: 'place' | 'operator' | 'flag' | 'encoding' | 'part' | 'general'
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
const encoding = (encode: Encoding['encode'], keepsWildcards = false): Row => ({
  kind: 'encoding',
  apply: (c) => ({ ...c, encodings: [...c.encodings, { encode, keepsWildcards }] }),
})
const utf16 = (isBigEndian: boolean, mark = ''): Row =>
  encoding(({ text }) => {
    const bytes = Buffer.from(mark + text, 'utf16le')
    return [{ text: (isBigEndian ? bytes.swap16() : bytes).toString('latin1'), as: 'latin1' }]
  })
const part = (name: TimePart): Row => ({ kind: 'part', apply: (c) => ({ ...c, part: name }) })

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
  base64: encoding((value) => [plainText(bytesOf(value).toString('base64'))]),
  base64offset: encoding(base64Offsets),
  windash: encoding(dashes, true),
  wide: utf16(false),
  utf16le: utf16(false),
  utf16be: utf16(true),
  utf16: utf16(false, '\ufeff'),
  minute: part('minute'),
  hour: part('hour'),
  day: part('day'),
  week: part('week'),
  month: part('month'),
  year: part('year'),
  // The values were put in place of their placeholders before.
  expand: { kind: 'general', apply: (c) => c },
}

export function comparisonOf(names: readonly string[]): Comparison {
  const rows = names.map((name) => ({ name, row: Object.hasOwn(modifiers, name) ? modifiers[name] : undefined }))
  const unknown = rows.find(({ row }) => row === undefined)
  if (unknown) {
    const meant = nearest(
      unknown.name,
      Object.keys(modifiers).filter((name) => name.length > 1),
    )
    const advice = meant ? `Write ${meant}` : `There is ${Object.keys(modifiers).join(', ')}`
    throw new ModifierError(`|${unknown.name} is no modifier`, advice)
  }
  const named = (kind: Row['kind']) => rows.filter(({ row }) => row?.kind === kind).map(({ name }) => name)
  const comparators = [...named('place'), ...named('operator')]
  if (comparators.length > 1)
    throw new ModifierError(`|${comparators.join(' and |')} contradict each other`, 'Keep one of them')
  if (named('flag').length > 0 && comparators[0] !== 're')
    throw new ModifierError(`|${named('flag')[0]} is a flag of |re`, 'Write |re|i, or leave it out: Sigma ignores case')
  if (named('encoding').length > 0 && named('operator').length > 0)
    throw new ModifierError(`|${named('encoding')[0]} does not go with |${comparators[0]}`, 'Leave one of them out')
  if (named('encoding').length > ruleLimits.encodingsMax)
    throw new ModifierError(
      `|${named('encoding').join('|')}`,
      `Encode at most ${ruleLimits.encodingsMax} times: each makes more texts of one`,
    )
  const misfits = [
    ...comparators.filter((name) => !orders.includes(name)),
    ...named('encoding'),
    ...named('part').slice(1),
  ]
  if (named('part').length > 0 && misfits.length > 0)
    throw new ModifierError(
      `|${named('part')[0]} does not go with |${misfits[0]}`,
      'Compare one part of the time as a number',
    )
  return rows.reduce((comparison, { row }) => row?.apply(comparison) ?? comparison, plain)
}

const orders = ['gt', 'gte', 'lt', 'lte']
const plainText = (text: string): Encoded => ({ text, as: 'utf8' })
const bytesOf = ({ text, as }: Encoded) => Buffer.from(text, as)

/** The three ways a text can lie in a longer encoded one, without the characters its neighbours decide. */
function base64Offsets(value: Encoded): readonly Encoded[] {
  const bytes = bytesOf(value)
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replaceAll('=', '')
    const tail = (offset + bytes.length) % 3 === 0 ? encoded.length : encoded.length - 1
    return plainText(encoded.slice([0, 2, 3][offset], tail))
  })
}

/** Each word's leading dash in the forms that Windows programs take. */
function dashes({ text, as }: Encoded): readonly Encoded[] {
  const forms = ['-', '/', '–', '—', '―'].map((dash) => text.replace(/(?<=^|\s)[-/–—―]/gu, dash))
  return [...new Set(forms)].map((text) => ({ text, as }))
}

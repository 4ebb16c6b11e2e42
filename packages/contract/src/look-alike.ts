// SPDX-License-Identifier: Apache-2.0
// Names that people tell apart by looking at them (UTS 39). No node: imports.

/** Alphabets with letters that look like those of another. A name is written in one of them. */
const alphabets = ['Latin', 'Greek', 'Cyrillic', 'Armenian', 'Georgian', 'Cherokee', 'Coptic', 'Lisu'] as const
const alphabetForms = alphabets.map((name) => ({ name, form: new RegExp(`\\p{Script=${name}}`, 'u') }))

/** Letters of other alphabets, and digits, under the Latin letter they are taken for. */
const twins: Readonly<Record<string, string>> = {
  a: 'аα',
  b: 'вβ',
  c: 'сϲ',
  d: 'ԁ',
  e: 'еєε',
  h: 'нһη',
  i: 'іιϊї',
  j: 'јϳ',
  k: 'кκ',
  l: '1іӏ|',
  m: 'мμ',
  n: 'пν',
  o: '0оοσ',
  p: 'рρ',
  q: 'ԛ',
  r: 'г',
  s: 'ѕ',
  t: 'тτ',
  u: 'υ',
  v: 'ѵ',
  w: 'ԝω',
  x: 'хχ',
  y: 'уүγ',
  z: 'ζ',
}
const latinOf = new Map(Object.entries(twins).flatMap(([latin, others]) => [...others].map((other) => [other, latin])))

/** Default-ignorable ones, and BRAILLE PATTERN BLANK, are letters or symbols that nothing is drawn for. */
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u

export type NameFault = { readonly rule: string; readonly received: string; readonly suggestion: string }

/** What makes a name look like another one, or hides a part of it; undefined: nothing. */
export function nameFault(name: string): NameFault | undefined {
  const hidden = [...name].find((char) => unseen.test(char) || (/\p{Zs}/u.test(char) && char !== ' '))
  if (hidden !== undefined)
    return {
      rule: 'a name has no invisible or control characters',
      received: codeOf(hidden),
      suggestion: 'Remove that character',
    }
  if (name !== name.trim() || name.includes('  '))
    return {
      rule: 'a name has single spaces, within',
      received: JSON.stringify(name),
      suggestion: 'Remove the other spaces',
    }
  const plain = name.normalize('NFKC')
  if (plain !== name)
    return {
      rule: 'a name is in the plain form of its characters (NFKC)',
      received: JSON.stringify(name),
      suggestion: `Write ${JSON.stringify(plain)}`,
    }
  const found = alphabetForms.filter(({ form }) => form.test(name))
  if (found.length < 2) return undefined
  // The alphabet that the first letter is not of: one of the two was slipped in.
  const first = [...name].map(alphabetOf).find((alphabet) => alphabet !== undefined)
  const odd = [...name].find((char) => alphabetOf(char) !== undefined && alphabetOf(char) !== first) ?? ''
  return {
    rule: 'the letters of a name are of one alphabet',
    received: `${codeOf(odd)}, ${alphabetOf(odd)} in a name that begins in ${first}`,
    suggestion: 'Type the letter anew: it looks like another one',
  }
}

const alphabetOf = (char: string) => alphabetForms.find(({ form }) => form.test(char))?.name

/** Names with the same key look alike: of two of them one is refused. */
export const nameKey = (name: string): string =>
  [...name.normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '')].map((char) => latinOf.get(char) ?? char).join('')

const codeOf = (char: string) => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`

// SPDX-License-Identifier: Apache-2.0

import type { Random } from './random.ts'

/**
 * The ways one and the same thing is written. Honest texts and attacks go through the same ones, so that how something is
 * encoded is never what tells them apart.
 */
export function written(text: string, random: Random, benign: () => string): string {
  let result = text
  if (random.oneIn(3)) result = random.pick(frames)(result, random, benign)
  if (random.oneIn(3)) result = random.pick(encodings)(result, random)
  return result
}

/** In the middle of what is honest. */
export const hidden = (text: string, random: Random, benign: () => string): string =>
  random.oneIn(4) ? `${benign()} ${text} ${benign()}` : text

/** The ways attackers write around filters, besides those above. */
export const evaded = (text: string, random: Random): string =>
  random.oneIn(2) ? text : random.pick(evasions)(text, random)

type Frame = (text: string, random: Random, benign: () => string) => string
type Encoding = (text: string, random: Random) => string

const json = (text: string): string => JSON.stringify(text)

const frames: readonly Frame[] = [
  (text, _, benign) => `${benign()} ${text}`,
  (text, _, benign) => `${text} ${benign()}`,
  (text, _, benign) => `${benign()}\n${text}\n${benign()}`,
  (text, random) => `{"${word(random)}":${json(text)}}`,
  (text, random, benign) => `{"${word(random)}":${json(benign())},"${word(random)}":[${json(text)}]}`,
  (text, random) => `${word(random)}=${text}`,
  (text, random) => `${word(random)}=1&${word(random)}=${encodeURIComponent(wellFormed(text))}`,
  (text, random) => `https://www.${word(random)}.com/${word(random)}?${word(random)}=${text}`,
  (text, random) => `https://${word(random)}.net/?${word(random)}=${encodeURIComponent(wellFormed(text))}`,
  (text, random) => `/${word(random)}/${text}`,
  (text, random) => `<${word(random)}>${text}</${word(random)}>`,
  (text, random) => `${word(random)}: ${text}; ${word(random)}=${random.below(100)}`,
]

const special = /[^A-Za-z0-9]/g
const code = (character: string): number => character.charCodeAt(0) & 0xff
const hex = (character: string): string => code(character).toString(16).padStart(2, '0')
const wellFormed = (text: string): string => text.toWellFormed()

const encodings: readonly Encoding[] = [
  (text) => encodeURIComponent(wellFormed(text)),
  (text) => encodeURIComponent(encodeURIComponent(wellFormed(text))),
  (text) => text.replace(special, (character) => `%${hex(character)}`),
  (text) => text.replace(special, (character) => `%25${hex(character)}`),
  (text) => text.replace(special, (character) => `\\u00${hex(character)}`),
  (text) => text.replace(/["'<>&]/g, (character) => `\\x${hex(character)}`),
  (text) => text.replace(/["'<>&]/g, (character) => `&#${code(character)};`),
  (text) => text.replace(/[<>"&]/g, (character) => entities[character] as string),
  (text) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('/', '\\/'),
  (text) => text.replaceAll("'", "\\'").replaceAll('"', '\\"'),
  (text) => text.replaceAll(' ', '+'),
  (text) => text.replaceAll(' ', '%20'),
  (text) => text.toUpperCase(),
]

const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '"': '&quot;', '&': '&amp;' }

const evasions: readonly Encoding[] = [
  (text) => text.replaceAll(' ', '/**/'),
  (text, random) => text.replaceAll(' ', `/*${word(random)}*/`),
  (text) => text.replaceAll(' ', '\t'),
  (text) => text.replaceAll(' ', '\n'),
  (text) => text.replaceAll(' ', '%0a'),
  (text) => text.replaceAll(' ', '%09'),
  (text) => text.replaceAll(' ', '  '),
  (text, random) => text.replaceAll(' ', `--${word(random)}\n`),
  (text) => text.replaceAll(' ', ''),
  (text) => text.replace(/ (?=select|from|and|or)/gi, '('),
  (text) => text.replaceAll('=', ' like '),
  (text) => text.replaceAll("'", '"'),
  (text) => text.replaceAll("'", "''"),
  (text) => text.replaceAll("'", "\\'"),
  (text) => text.replaceAll("'", '%bf%27'),
  (text, random) => text.replace(/\w{5,}/g, (found) => split(found, random, '/**/')),
  (text, random) => text.replace(/\w{5,}/g, (found) => split(found, random, "'+'")),
  (text, random) => text.replace(/\w{4,}/g, (found) => split(found, random, "''")),
  (text, random) => text.replace(/\w{4,}/g, (found) => split(found, random, '\\')),
  (text, random) => text.replace(/\w{4,}/g, (found) => split(found, random, found)),
  (text, random) => text.replace(/\w{4,}/g, (found) => split(found, random, '\0')),
  (text) => text.replace(/'(\w{1,12})'/g, (_, inner: string) => `char(${[...inner].map(code).join(',')})`),
  (text) => text.replace(/'(\w{1,12})'/g, (_, inner: string) => `0x${[...inner].map(hex).join('')}`),
  (text) => text.replaceAll('(', '&#40;').replaceAll(')', '&#41;'),
  (text) => text.replaceAll('(', '`').replaceAll(')', '`'),
  (text) => text.replaceAll('<', '%3c').replaceAll('>', '%3e'),
  (text) => text.replaceAll('/', '%2f').replaceAll('.', '%2e'),
  (text) => text.replaceAll('../', '..%5c'),
  (text) => text.replaceAll('/', '\\'),
  (text) => text.replaceAll('/', '//'),
  (text) => text.replaceAll('/', '/./'),
]

function split(text: string, random: Random, by: string): string {
  const at = 1 + random.below(text.length - 1)
  return text.slice(0, at) + by + text.slice(at)
}

function word(random: Random): string {
  let text = ''
  for (let left = 2 + random.below(7); left > 0; left -= 1) text += 'etaoinshrdlucmfwypvbgkqjxz'[random.below(26)]
  return text
}

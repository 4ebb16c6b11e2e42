// SPDX-License-Identifier: Apache-2.0

import { formBegins, formEnd } from './forms.ts'
import {
  isSecretValue,
  looksRandom,
  namesHeader,
  namesPassword,
  redacted,
  type Secrecy,
  secrecyOf,
  type TextKind,
} from './names.ts'

/** What lies beyond is not looked at, and therefore not kept. */
export const scrubUnitsMax = 65_536

/**
 * Where a secret may be: a known form, a URL's user, a name. One pass finds them, each is looked at once, and what was
 * looked at is not looked at again: the time is proportional to the length, whatever the text.
 */
const names = 'pass|pwd|secret|token|key|auth|cred|cookie|bearer|jwt|psk|sess|hmac|identified'
const shortNames = '(?:pin|pat|t?otp|sid|sig|signature|code|seed|mnemonic)(?![a-z])'
const places = new RegExp(`-----BEGIN |(?<![\\w-])(?:${formBegins})|://|${names}|(?<![a-z])${shortNames}`, 'gi')

// Three passes over a short text are quicker than one that asks for everything at each letter.
const somePlaces = [new RegExp(`://|${names}`, 'i'), new RegExp(shortNames, 'i'), new RegExp(formBegins)] as const

/** Has the text a place where a secret may be? Nearly none has, and this is quick. */
export const hasPlace = (text: string): boolean =>
  somePlaces[0].test(text) || somePlaces[1].test(text) || somePlaces[2].test(text)

/** The text without the secrets in it; the very same text when there are none. */
export function scrubPlaces(text: string, kind: TextKind): string {
  const whole = text.length > scrubUnitsMax ? `${text.slice(0, scrubUnitsMax)}…` : text
  if (!hasPlace(whole)) return whole
  const scan: Scan = { text: whole, kind, urlEnd: 0, ends: new Map(), at: 0, out: '', from: 0 }
  for (;;) {
    places.lastIndex = scan.at
    const hit = places.exec(whole)
    if (hit === null) break
    look(scan, hit.index, hit[0])
  }
  return scan.from === 0 ? whole : scan.out + whole.slice(scan.from)
}

type Scan = {
  readonly text: string
  readonly kind: TextKind
  /** The URL that was last met ends here: names before it are those of its query. */
  urlEnd: number
  /** Ends of words that were looked for already: nothing is searched through twice. */
  readonly ends: Map<RegExp, number>
  /** Where to look on. */
  at: number
  out: string
  /** What lies before is in `out`. */
  from: number
}

/** Looks at the place where something of interest begins; `scan.at` is behind it afterwards. */
function look(scan: Scan, start: number, hit: string): void {
  const end = formEnd(scan.text, start)
  if (hit === '://') lookAtUrl(scan, start + hit.length)
  else if (end !== undefined) replace(scan, start, end)
  else lookAtName(scan, start, start + hit.length)
}

function replace(scan: Scan, start: number, end: number): void {
  if (scan.text.startsWith(redacted, start)) scan.at = Math.max(end, start + redacted.length)
  else {
    scan.out += scan.text.slice(scan.from, start) + redacted
    scan.from = end
    scan.at = end
  }
}

const urlEnds = /[\s"'`<>\\]|$/g
const unitsOfUserMax = 1_024

/** `scheme://user:password@host`: the password, and a user that is a token. */
function lookAtUrl(scan: Scan, start: number): void {
  const { text } = scan
  scan.at = start
  scan.urlEnd = endFrom(scan, urlEnds, start)
  const before = text.slice(start, Math.min(scan.urlEnd, start + unitsOfUserMax))
  const path = before.search(/[/?#]/)
  const colon = before.indexOf(':')
  // A password may hold a slash where nobody encoded it; a port is digits.
  const opens = colon >= 0 && (path < 0 || colon < path) && !/^\d{0,5}(?:[/?#]|$)/.test(before.slice(colon + 1))
  const within = (path < 0 ? before : before.slice(0, path)).lastIndexOf('@')
  const at = within < 0 && opens ? before.indexOf('@') : within
  if (at < 0) return
  if (colon >= 0 && colon < at) {
    if (colon > 0 && looksRandom(before.slice(0, colon)) && colon >= 20) replace(scan, start, start + colon)
    if (isSecretValue(before.slice(colon + 1, at), 'always', scan.kind)) replace(scan, start + colon + 1, start + at)
  } else if (at >= 20 && looksRandom(before.slice(0, at))) replace(scan, start, start + at)
  scan.at = Math.max(scan.at, start + at + 1)
}

const nameUnit = /[\w.-]/
const reachMax = 100

/** A name of which `start` to `end` is a part, and the value behind it. */
function lookAtName(scan: Scan, start: number, end: number): void {
  const { text } = scan
  let first = start
  while (first > scan.at && start - first < reachMax && nameUnit.test(text[first - 1] as string)) first -= 1
  let last = end
  while (last < text.length && nameUnit.test(text[last] as string)) last += 1
  scan.at = last
  const name = text.slice(first, last)
  if (/^identified$/i.test(name)) lookAtIdentified(scan, last)
  const secrecy = secrecyOf(name)
  if (secrecy === undefined) return
  const behind = behindName(scan, first, last, name)
  if (behind === undefined) return
  const isHeader = !behind.inUrl && behind.sign !== ' ' && /(?:authorization|cookie)$/i.test(name)
  if (isHeader) lookAtHeader(scan, first, last, behind)
  else lookAtValue(scan, behind, name, secrecy)
}

const identifiedBy = /\s{1,8}(?:with\s{1,8}\S{1,64}\s{1,8})?(?:by|as)\s{1,8}(?=\\?["'])/iy

/** SQL: `IDENTIFIED BY '…'`. */
function lookAtIdentified(scan: Scan, last: number): void {
  identifiedBy.lastIndex = last
  if (identifiedBy.test(scan.text))
    lookAtValue(scan, { at: identifiedBy.lastIndex, sign: '=', inUrl: false }, 'password', 'always')
}

type Behind = { readonly at: number; readonly sign: '=' | ':' | ' '; readonly inUrl: boolean }

/** `NAME= command` sets nothing: behind a bare sign white space ends the value before it began. */
const signs = /\\?["']?(?:[ \t]{1,2}(=>?|==|:=)[ \t]{0,2}|(=>|==?|:=)|[ \t]?(:)(?!\/\/)[ \t]{0,2})/y
const space = /[ \t]+/y

/** What joins a value to its name: a sign; white space behind a flag, `bearer`, and a password in quotes. */
function behindName(scan: Scan, first: number, last: number, name: string): Behind | undefined {
  const { text } = scan
  const inUrl = last <= scan.urlEnd
  signs.lastIndex = last
  const sign = signs.exec(text)
  // An argument that begins with a name, a colon and a space is a header.
  const isHeader = scan.kind === 'argument' && first === 0 && text.startsWith(': ', last)
  if (sign !== null) return { at: signs.lastIndex, sign: sign[3] === undefined || isHeader ? '=' : ':', inUrl }
  space.lastIndex = last
  if (inUrl || !space.test(text)) return undefined
  const at = space.lastIndex
  const isFlag = text[first] === '-' && (first === 0 || /[\s"'`(]/.test(text[first - 1] as string))
  const isNamed = /["']/.test(text[at] ?? '') && namesPassword(name)
  const word = () => text.slice(at, endFrom(scan, wordEnds, at))
  if (isFlag ? text[at] !== '-' || looksRandom(word()) : isNamed || (/^bearer$/i.test(name) && looksRandom(word())))
    return { at, sign: ' ', inUrl }
  return undefined
}

const wordEnds = /[\s"'`&;,|<>(){}\]]|$/g
const queryEnds = /[\s"'`&;#<>]|$/g

function lookAtValue(scan: Scan, { at, sign, inUrl }: Behind, name: string, secrecy: Secrecy): void {
  const { text, kind } = scan
  scan.at = at
  if (text.startsWith(redacted, at)) {
    scan.at = at + redacted.length
    return
  }
  const quote = quoteAt(text, at)
  const close = quote === '' ? -1 : closing(text, at + quote.length, quote)
  const start = close < 0 ? at : at + quote.length
  const end = close < 0 ? endFrom(scan, inUrl ? queryEnds : wordEnds, at) : close
  // In a URL there is no other reason to call a parameter so. Behind a colon may stand anything: python3-jwt:all.
  const isLoose = sign === ':' && close < 0 && !(kind === 'argument' ? namesHeader : namesPassword)(name)
  const due = inUrl && sign === '=' ? 'always' : isLoose ? 'random' : secrecy
  if (isSecretValue(text.slice(start, end), due, kind)) replace(scan, start, end)
}

const scheme = /(?:bearer|basic|digest|token|negotiate|ntlm|api-?key|aws4-hmac-sha256|hawk|hmac|ssws|jwt|key)[ \t]+/iy
const manyWords = /cookie$|digest\s|aws4|hawk/i

/** `Authorization: Bearer …`: the scheme stays, all else of the header goes. */
function lookAtHeader(scan: Scan, first: number, last: number, { at }: Behind): void {
  const { text, kind } = scan
  const inner = quoteAt(text, at)
  scheme.lastIndex = at + inner.length
  const start = scheme.test(text) ? scheme.lastIndex : at + inner.length
  scan.at = start
  // Of the header as a whole, where not its name alone stands in quotes.
  const outer = quoteAt(text, last) === '' ? quoteBefore(text, first) : ''
  const quote = inner || outer
  const close = quote === '' ? -1 : closing(text, start, quote)
  const isWhole = kind === 'argument' || manyWords.test(text.slice(first, start))
  const end = close >= 0 ? close : isWhole ? lineEnd(text, start) : endFrom(scan, wordEnds, start)
  if (isSecretValue(text.slice(start, end), 'always', kind)) replace(scan, start, end)
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

/** A quote, with the backslash that it has within other quotes. */
const quoteAt = (text: string, at: number): string => /^\\?["']/.exec(text.slice(at, at + 2))?.[0] ?? ''
const quoteBefore = (text: string, at: number): string =>
  /\\?["']$/.exec(text.slice(Math.max(0, at - 2), at))?.[0] ?? ''

/** The next such quote that no backslash takes away; -1 where nobody closes it. */
function closing(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + 1))
    if (quote.startsWith('\\') || text[at - 1] !== '\\') return at
  return -1
}

function endFrom({ text, ends }: Scan, form: RegExp, from: number): number {
  const known = ends.get(form)
  if (known !== undefined && known >= from) return known
  form.lastIndex = from
  const end = form.exec(text)?.index ?? text.length
  ends.set(form, end)
  return end
}

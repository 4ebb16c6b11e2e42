// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import { BlockList, isIP } from 'node:net'
import type { Required } from '../regex/atoms.ts'
import { type ByteSet, byteSet, isWordByte, single, union } from '../regex/bytes.ts'
import type { Meter } from '../regex/dfa.ts'
import { type ByteRegex, compileByteRegex } from '../regex/regex.ts'
import { RegexSyntaxError } from '../regex/syntax.ts'
import { seclangLimits } from './limits.ts'
import { expand, type Macro, type MacroLookup, parseMacro } from './macro.ts'
import { SecLangError } from './parse.ts'
import { createPhrases, type Phrases } from './phrases.ts'

/** libinjection's judgements: whether it finds something; undefined where its time was over before it knew. */
export type Injection = {
  sqli(text: string): boolean | undefined
  xss(text: string): boolean | undefined
  /** Asks for many texts at once, which takes hardly longer than for one, and remembers what was found. */
  prepare(texts: { readonly sqli: readonly string[]; readonly xss: readonly string[] }): void
}

/** What an operator may use while it looks at one request. */
export type OperatorRun = {
  readonly lookup: MacroLookup
  readonly meter: Meter
  readonly injection: Injection | undefined
}

export type Operator = {
  /** Of every text that it matches; absent where nothing is certain. */
  readonly required?: Required
  readonly param: Macro
  readonly notes?: readonly string[]
  matches(text: string, run: OperatorRun): boolean
  /** What matches of a text that does; absent where that is the text itself. */
  told?(text: string, run: OperatorRun): string
  /** The same, with its groups; absent where there are none. */
  groups?(text: string, run: OperatorRun): readonly string[]
}

/** How a rule file names a data file, and what is in that. */
export type DataFiles = (name: string) => string | undefined

type Make = (param: string, files: DataFiles) => Omit<Operator, 'param'>

const compared = (holds: (text: string, param: string) => boolean, required?: (param: string) => Required): Make => {
  return (source) => {
    const param = parseMacro(source)
    return {
      ...(required && param.parts === undefined && source !== '' ? { required: required(source) } : {}),
      matches: (text, { lookup }) => holds(text, expand(param, lookup)),
    }
  }
}
const numeric = (holds: (number: number, param: number) => boolean) =>
  compared((text, param) => holds(wholeNumber(text), wholeNumber(param)))
/** As C reads one: what is none is 0. */
const wholeNumber = (text: string) => Number.parseInt(text, 10) || 0
const atom = (param: string): Required => ({ atoms: param.length > 1 ? [param.slice(0, 12)] : undefined })

const rx: Make = (source) => {
  const param = parseMacro(source)
  if (param.parts === undefined) {
    const regex = compileByteRegex(source)
    return { required: regex.required, notes: regex.notes, ...matching(() => regex) }
  }
  // Compiled anew when what it is made of changes, which within one rule set it seldom does.
  let last: { readonly source: string; readonly regex: ByteRegex } | undefined
  return matching(({ lookup }) => {
    const expanded = expand(param, lookup)
    if (last?.source !== expanded) last = { source: expanded, regex: compiledOrNothing(expanded) }
    return last.regex
  })
}

const matching = (regexOf: (run: OperatorRun) => ByteRegex): Omit<Operator, 'param'> => ({
  matches: (text, run) => regexOf(run).test(text, run.meter) === true,
  told: (text, run) => text.slice(...(regexOf(run).span(text, run.meter) ?? [])),
  groups(text, run) {
    const at = regexOf(run).captures(text, run.meter)
    if (at === undefined) return [text]
    const groups: string[] = []
    for (let slot = 0; slot < Math.min(at.length, 20); slot += 2) groups.push(text.slice(at[slot], at[slot + 1]))
    return groups
  },
})

/** What a request brings into an expression may be none. */
function compiledOrNothing(source: string): ByteRegex {
  try {
    return compileByteRegex(source)
  } catch (error) {
    if (!(error instanceof RegexSyntaxError)) throw error
    return compileByteRegex('[^\\s\\S]')
  }
}

function phrases(list: readonly string[]): Omit<Operator, 'param'> {
  if (list.length > seclangLimits.phrasesMax) throw new SecLangError(`more than ${seclangLimits.phrasesMax} phrases`)
  const known = list.filter((phrase) => phrase !== '')
  let machine: Phrases | undefined
  const find = (text: string) => {
    machine ??= createPhrases(known)
    return machine.find(text)
  }
  return {
    required: { atoms: known.map((phrase) => phrase.slice(0, 12)) },
    matches: (text) => find(text) !== undefined,
    told: (text) => known[find(text) ?? -1] ?? text,
  }
}

const fromFile: Make = (source, files) => phrases(source.split(/\s+/).flatMap((name) => linesOf(name, files)))

function linesOf(name: string, files: DataFiles): string[] {
  const text = files(name)
  if (text === undefined) throw new SecLangError(`the file ${name}, which is not there`)
  return text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'))
}

/** Words, in which |41 42| stands for bytes. */
const pm: Make = (source) =>
  phrases(
    source
      .replace(/\|((?:[0-9a-f]{2}\s*)+)\|/gi, (_, hex: string) =>
        Buffer.from(hex.replace(/\s/g, ''), 'hex').toString('latin1'),
      )
      .split(/\s+/),
  )

const ipMatch = (networks: readonly string[]): Omit<Operator, 'param'> => {
  const list = new BlockList()
  for (const network of networks.filter((text) => text !== '')) addNetwork(list, network)
  return {
    matches(text) {
      const version = isIP(text)
      return version !== 0 && list.check(text, version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

function addNetwork(list: BlockList, network: string): void {
  const [address = '', bits] = network.split('/')
  const version = isIP(address)
  const length = bits === undefined ? (version === 4 ? 32 : 128) : Number(bits)
  if (version === 0 || !(length >= 0 && length <= (version === 4 ? 32 : 128)))
    throw new SecLangError(`the network ${network}`)
  list.addSubnet(address, length, version === 4 ? 'ipv4' : 'ipv6')
}

const validateByteRange: Make = (source) => {
  const allowed = byteSet((byte) => source.split(',').some((part) => isInRange(byte, part.trim())))
  const others: ByteSet = byteSet((byte) => allowed[byte] === 0)
  return {
    required: { bytes: others },
    matches(text) {
      for (let at = 0; at < text.length; at += 1) if (others[text.charCodeAt(at)] === 1) return true
      return false
    },
  }
}

function isInRange(byte: number, part: string): boolean {
  const [low = Number.NaN, high = low] = part.split('-').map(Number)
  if (Number.isNaN(low) || Number.isNaN(high)) throw new SecLangError(`the byte range ${part}`)
  return byte >= low && byte <= high
}

const found = (form: RegExp, bytes: ByteSet): Make => {
  return () => ({
    required: { bytes },
    matches: (text) => form.test(text),
  })
}
const highBytes = byteSet((byte) => byte >= 0x80)
/** A word alone is neither SQL nor a script, whatever the word. */
const notWord = byteSet((byte) => !isWordByte(byte))
const injected = (kind: 'sqli' | 'xss', bytes: ByteSet): Make => {
  return () => ({
    required: { bytes },
    matches(text, { injection, meter }) {
      if (injection === undefined) return false
      const isFound = injection[kind](text)
      if (isFound === undefined) meter.missed = (meter.missed ?? 0) + 1
      return isFound === true
    },
  })
}

const rows: Readonly<Record<string, Make>> = {
  rx,
  pm,
  pmfromfile: fromFile,
  pmf: fromFile,
  contains: compared((text, param) => text.includes(param), atom),
  containsword: (source) => rx(`\\b${source.replace(/[^\w]/g, '\\$&')}\\b`, () => undefined),
  streq: compared((text, param) => text === param, atom),
  strmatch: compared((text, param) => text.includes(param), atom),
  beginswith: compared((text, param) => text.startsWith(param), atom),
  endswith: compared((text, param) => text.endsWith(param)),
  within: compared((text, param) => param.includes(text)),
  eq: numeric((number, param) => number === param),
  ge: numeric((number, param) => number >= param),
  gt: numeric((number, param) => number > param),
  le: numeric((number, param) => number <= param),
  lt: numeric((number, param) => number < param),
  detectsqli: injected('sqli', notWord),
  detectxss: injected('xss', union(single(0x3c), single(0x3d))),
  validatebyterange: validateByteRange,
  validateurlencoding: found(/%(?![0-9a-f]{2})/i, single(0x25)),
  validateutf8encoding: () => ({
    required: { bytes: highBytes },
    matches: (text) => !isUtf8(Buffer.from(text, 'latin1')),
  }),
  ipmatch: (source) => ipMatch(source.split(',').map((part) => part.trim())),
  ipmatchfromfile: (source, files) => ipMatch(linesOf(source, files).map((line) => line.trim())),
  ipmatchf: (source, files) => ipMatch(linesOf(source, files).map((line) => line.trim())),
  unconditionalmatch: () => ({ matches: () => true }),
  nomatch: () => ({ matches: () => false }),
}

/** `text`: as it stands behind the variables: `!@name param`, or a regular expression alone. Throws SecLangError, RegexSyntaxError. */
export function parseOperator(
  text: string,
  files: DataFiles,
): { readonly negated: boolean; readonly operator: Operator; readonly name: string; readonly source: string } {
  const [, bang = '', named, param = ''] = /^(!?)\s*(?:@([A-Za-z0-9]+)(?:\s+([\s\S]*))?)?/.exec(
    text,
  ) as unknown as readonly [string, string?, string?, string?]
  const name = (named ?? 'rx').toLowerCase()
  const make = Object.hasOwn(rows, name) ? rows[name] : undefined
  if (make === undefined) throw new SecLangError(`the operator @${named}`)
  const source = named === undefined ? text.slice(bang.length) : name === 'rx' ? param : param.trim()
  return {
    negated: bang === '!',
    name,
    source,
    operator: { param: parseMacro(name === 'rx' ? '' : source), ...make(source, files) },
  }
}

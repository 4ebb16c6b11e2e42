// SPDX-License-Identifier: Apache-2.0

import {
  type ByteSet,
  complement,
  escapedClasses,
  everything,
  folded,
  posixClasses,
  range,
  single,
  union,
} from './bytes.ts'

export type Assertion = 'text-start' | 'text-end' | 'line-start' | 'line-end' | 'boundary' | 'no-boundary'

export type Node =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number; readonly lazy: boolean }
  | { readonly kind: 'group'; readonly node: Node; readonly index: number }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'look'; readonly node: Node; readonly ahead: boolean; readonly negated: boolean }
  | { readonly kind: 'again'; readonly index: number; readonly ignoreCase: boolean }

/** `isRegular`: without look-around and back-references, which no automaton decides. `groups`: how many capture. `notes`: what is read otherwise than PCRE reads it, and why that is no loss. */
export type Parsed = {
  readonly node: Node
  readonly isRegular: boolean
  readonly groups: number
  readonly notes: readonly string[]
}

export class RegexSyntaxError extends Error {
  override readonly name = 'RegexSyntaxError'
}

export const regexLimits = {
  sourceCharsMax: 64 * 1024,
  depthMax: 128,
  countMax: 10_000,
  /** Of the table of an expression's automaton, which grows as texts ask for it: 2 bytes each, 128 KB in all. What is more is forgotten. */
  dfaCellsMax: 64 * 1024,
  /** Of the places that its states stand for: some 10 bytes each, 160 KB in all. Real texts ask for a few hundred. */
  dfaPlacesMax: 16 * 1024,
} as const

type Flags = { readonly ignoreCase: boolean; readonly multiline: boolean; readonly dotAll: boolean }

/** As libmodsecurity compiles: PCRE2_DOTALL and PCRE2_MULTILINE. */
const standardFlags: Flags = { ignoreCase: false, multiline: true, dotAll: true }
const flagNames: Readonly<Record<string, keyof Flags>> = { i: 'ignoreCase', m: 'multiline', s: 'dotAll' }
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, f: 12, r: 13, a: 7, e: 27 }
const assertions: Readonly<Record<string, Assertion>> = {
  b: 'boundary',
  B: 'no-boundary',
  A: 'text-start',
  z: 'text-end',
}

/** PCRE over bytes. What is rare in rules, such as conditions and recursion, is refused by name. */
export function parsePattern(source: string, flags: Partial<Flags> = {}): Parsed {
  if (source.length > regexLimits.sourceCharsMax) throw fault(`longer than ${regexLimits.sourceCharsMax} characters`, 0)
  return parserOf(source).whole({ ...standardFlags, ...flags })
}

function parserOf(source: string) {
  let at = 0
  let depth = 0
  let groups = 0
  let isRegular = true
  const notes = new Set<string>()

  const take = (text: string) => {
    const found = source.startsWith(text, at)
    if (found) at += text.length
    return found
  }
  const match = (form: RegExp) => {
    form.lastIndex = at
    const found = form.exec(source)
    if (found) at = form.lastIndex
    return found
  }

  const choice = (outer: Flags): Node => {
    let flags = outer
    const ways: Node[] = []
    let nodes: Node[] = []
    while (at < source.length && source[at] !== ')') {
      const set = match(/\(\?([a-z]*)(?:-([a-z]+))?\)/y)
      if (set) flags = changed(flags, set[1] ?? '', set[2] ?? '')
      else if (take('|')) {
        ways.push({ kind: 'sequence', nodes })
        nodes = []
      } else nodes.push(quantified(atom(flags)))
    }
    const last: Node = { kind: 'sequence', nodes }
    return ways.length === 0 ? last : { kind: 'choice', nodes: [...ways, last] }
  }

  const changed = (flags: Flags, on: string, off: string): Flags => {
    const named = (letters: string, value: boolean) =>
      Object.fromEntries(
        [...letters].map((letter) => {
          const name = flagNames[letter]
          if (name === undefined) throw fault(`the flag ${letter}`, at)
          return [name, value]
        }),
      )
    return { ...flags, ...named(on, true), ...named(off, false) }
  }

  const quantified = (node: Node): Node => {
    let result = node
    for (;;) {
      const found = match(/[*+?]|\{(\d{1,5})(?:(,)(\d{1,5})?)?\}/y)
      if (!found) return result
      const [text, least, comma, most] = found
      const min = least === undefined ? (text === '+' ? 1 : 0) : Number(least)
      const open = least === undefined ? text !== '?' : comma !== undefined && most === undefined
      const max = open ? Number.POSITIVE_INFINITY : least === undefined ? 1 : Number(most ?? least)
      if (max < min) throw fault('{n,m} with m below n', at)
      if (min > regexLimits.countMax || (max > regexLimits.countMax && !open))
        throw fault(`a count above ${regexLimits.countMax}`, at)
      const lazy = take('?')
      if (!lazy && take('+')) notes.add('possessive quantifiers are read as greedy ones, which match no less')
      result = { kind: 'repeat', node: result, min, max, lazy }
    }
  }

  const atom = (flags: Flags): Node => {
    if (take('(')) return group(flags)
    if (take('[')) return { kind: 'set', set: charClass(flags) }
    if (take('\\')) return escaped(flags)
    if (take('.')) return { kind: 'set', set: flags.dotAll ? everything : complement(single(0x0a)) }
    if (take('^')) return { kind: 'assert', what: flags.multiline ? 'line-start' : 'text-start' }
    if (take('$')) return flags.multiline ? { kind: 'assert', what: 'line-end' } : lastLineEnd
    if ('*+?'.includes(source[at] as string)) throw fault(`nothing before ${source[at]} to repeat`, at)
    at += 1
    return setNode(single(byteOf(source.charCodeAt(at - 1))), flags)
  }

  const byteOf = (unit: number): number => {
    if (unit > 0xff) throw fault('a character that is no byte', at)
    return unit
  }

  const group = (flags: Flags): Node => {
    const look = match(/\?(<?)([=!])/y)
    if (look) {
      isRegular = false
      return { kind: 'look', node: inGroup(flags), ahead: look[1] === '', negated: look[2] === '!' }
    }
    const plain = match(/\?([a-z]*)(?:-([a-z]+))?:/y)
    if (plain) return inGroup(changed(flags, plain[1] ?? '', plain[2] ?? ''))
    if (!match(/\?P?<[A-Za-z_]\w*>/y) && source[at] === '?') throw fault(`the group (${source.slice(at, at + 3)}…`, at)
    groups += 1
    const index = groups
    return { kind: 'group', node: inGroup(flags), index }
  }

  const inGroup = (flags: Flags): Node => {
    depth += 1
    if (depth > regexLimits.depthMax) throw fault(`groups nested deeper than ${regexLimits.depthMax}`, at)
    const node = choice(flags)
    depth -= 1
    if (!take(')')) throw fault('a group without its )', at)
    return node
  }

  const escaped = (flags: Flags): Node => {
    const letter = source[at] ?? ''
    const what = assertions[letter]
    if (what !== undefined) {
      at += 1
      return { kind: 'assert', what }
    }
    if (take('Z')) return lastLineEnd
    const index = match(/(?![0-3][0-7]{2})[1-9][0-9]?/y)
    if (index) {
      isRegular = false
      return { kind: 'again', index: Number(index[0]), ignoreCase: flags.ignoreCase }
    }
    return setNode(escapedSet(), flags)
  }

  const escapedSet = (): ByteSet => {
    const code = match(/x\{([0-9A-Fa-f]{1,4})\}|x([0-9A-Fa-f]{0,2})/y)
    if (code) return single(byteOf(Number.parseInt(code[1] ?? (code[2] || '0'), 16)))
    const octal = match(/[0-7]{1,3}/y)
    if (octal) return single(byteOf(Number.parseInt(octal[0], 8)))
    const letter = source[at]
    if (letter === undefined) throw fault('a \\ at the end', at)
    at += 1
    if (!/[A-Za-z0-9]/.test(letter)) return single(byteOf(letter.charCodeAt(0)))
    const set = escapedClasses[letter]
    if (set) return set
    const control = controls[letter]
    if (control === undefined) throw fault(`the escape \\${letter}`, at)
    return single(control)
  }

  const charClass = (flags: Flags): ByteSet => {
    const negated = take('^')
    const sets: ByteSet[] = []
    for (let first = true; first || source[at] !== ']'; first = false) {
      if (at >= source.length) throw fault('a class without its ]', at)
      sets.push(classItem())
    }
    at += 1
    // Folded before it is negated, as PCRE does it: [^a] without regard to case is neither a nor A.
    const all = flags.ignoreCase ? folded(union(...sets)) : union(...sets)
    return negated ? complement(all) : all
  }

  const classItem = (): ByteSet => {
    const posix = match(/\[:(\^?)(\w+):\]/y)
    if (posix) {
      const named = posixClasses[posix[2] as string]
      if (!named) throw fault(`the class [:${posix[2]}:]`, at)
      return posix[1] ? complement(named) : named
    }
    const low = classSet()
    const lowByte = onlyByte(low)
    if (lowByte === undefined || source[at] !== '-' || at + 1 >= source.length || source[at + 1] === ']') return low
    const back = at
    at += 1
    const highByte = onlyByte(classSet())
    if (highByte === undefined) {
      at = back
      return low
    }
    if (highByte < lowByte) throw fault('a range that runs backwards', at)
    return range(lowByte, highByte)
  }

  const classSet = (): ByteSet => {
    if (!take('\\')) {
      at += 1
      return single(byteOf(source.charCodeAt(at - 1)))
    }
    return take('b') ? single(8) : escapedSet()
  }

  return {
    whole(flags: Flags): Parsed {
      const node = choice(flags)
      if (at < source.length) throw fault('a ) without its (', at)
      return { node, isRegular, groups, notes: [...notes] }
    },
  }
}

/** The end, or a line feed and the end: it is taken into the match, which nobody who asks for its text will miss. */
const lastLineEnd: Node = {
  kind: 'sequence',
  nodes: [
    { kind: 'repeat', node: { kind: 'set', set: single(0x0a) }, min: 0, max: 1, lazy: false },
    { kind: 'assert', what: 'text-end' },
  ],
}

const setNode = (set: ByteSet, flags: Flags): Node => ({ kind: 'set', set: flags.ignoreCase ? folded(set) : set })

function onlyByte(set: ByteSet): number | undefined {
  const first = set.indexOf(1)
  return first >= 0 && set.indexOf(1, first + 1) < 0 ? first : undefined
}

function fault(what: string, at: number): RegexSyntaxError {
  return new RegexSyntaxError(`${what}, at character ${at + 1}`)
}

// SPDX-License-Identifier: Apache-2.0

import { ruleLimits } from '../limits.ts'

/** Inclusive ranges of UTF-16 code units. */
export type CharSet = { readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] }

export type Node =
  | { readonly kind: 'chars'; readonly set: CharSet }
  | { readonly kind: 'sequence'; readonly nodes: readonly Node[] }
  | { readonly kind: 'choice'; readonly nodes: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'assert'; readonly what: 'start' | 'end' | 'boundary' | 'no_boundary' }

export type RegexFlags = { readonly ignoreCase: boolean; readonly multiline: boolean; readonly dotAll: boolean }

export class RegexSyntaxError extends Error {
  override readonly name = 'RegexSyntaxError'
}

const anything: CharSet = { negated: false, ranges: [[0, 0xffff]] }
const lineBreaks: CharSet['ranges'] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]
const digits: CharSet['ranges'] = [[0x30, 0x39]]
const wordChars: CharSet['ranges'] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const spaces: CharSet['ranges'] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]
const classes: Readonly<Record<string, CharSet>> = {
  d: { negated: false, ranges: digits },
  D: { negated: true, ranges: digits },
  w: { negated: false, ranges: wordChars },
  W: { negated: true, ranges: wordChars },
  s: { negated: false, ranges: spaces },
  S: { negated: true, ranges: spaces },
}
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 }

/**
 * The common core of PCRE and ECMAScript: what an automaton can decide in one pass. Everything else is refused by
 * name, never misunderstood.
 */
export function parseRegex(source: string, flags: RegexFlags): { readonly node: Node; readonly flags: RegexFlags } {
  if (source.length > ruleLimits.regexUnitsMax) throw fault(`longer than ${ruleLimits.regexUnitsMax} characters`, 0)
  const leading = /^\(\?([ims]+)\)/.exec(source)
  const letters = leading?.[1] ?? ''
  const all = {
    ignoreCase: flags.ignoreCase || letters.includes('i'),
    multiline: flags.multiline || letters.includes('m'),
    dotAll: flags.dotAll || letters.includes('s'),
  }
  const parser = parserOf(source, leading?.[0].length ?? 0, all)
  return { node: parser.whole(), flags: all }
}

function parserOf(source: string, start: number, flags: RegexFlags) {
  let at = start
  let depth = 0

  const peek = () => source[at]
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

  const choice = (): Node => {
    const nodes = [sequence()]
    while (take('|')) nodes.push(sequence())
    return nodes.length === 1 ? (nodes[0] as Node) : { kind: 'choice', nodes }
  }

  const sequence = (): Node => {
    const nodes: Node[] = []
    while (at < source.length && peek() !== '|' && peek() !== ')') nodes.push(quantified(atom()))
    return { kind: 'sequence', nodes }
  }

  const quantified = (node: Node): Node => {
    const found = match(/[*+?]|\{(\d{1,4})(?:(,)(\d{1,4})?)?\}/y)
    if (!found) return node
    const [text, least, comma, most] = found
    const min = least === undefined ? (text === '+' ? 1 : 0) : Number(least)
    const max =
      least === undefined
        ? text === '?'
          ? 1
          : Number.POSITIVE_INFINITY
        : most
          ? Number(most)
          : comma
            ? Number.POSITIVE_INFINITY
            : min
    if (max < min) throw fault('{n,m} with m below n', at)
    if (node.kind === 'assert') throw fault('a repeated assertion', at)
    take('?') // Lazy or greedy decides what is captured, never whether there is a match.
    if (peek() === '+') throw fault('possessive quantifiers', at)
    if (match(/[*+?]/y)) throw fault('a quantifier behind a quantifier', at)
    return { kind: 'repeat', node, min, max }
  }

  const atom = (): Node => {
    if (take('(')) return group()
    if (take('[')) return { kind: 'chars', set: charClass() }
    if (take('\\')) return escaped()
    if (take('.')) return { kind: 'chars', set: flags.dotAll ? anything : { negated: true, ranges: lineBreaks } }
    if (take('^')) return { kind: 'assert', what: 'start' }
    if (take('$')) return { kind: 'assert', what: 'end' }
    const char = peek() as string
    if ('*+?'.includes(char)) throw fault(`nothing before ${char} to repeat`, at)
    at += 1
    return literal(char.charCodeAt(0))
  }

  const group = (): Node => {
    const named = match(/\?P?<[A-Za-z_]\w*>|\?:/y)
    if (!named && peek() === '?') throw fault(`the group (${source.slice(at, at + 3)}…`, at)
    depth += 1
    if (depth > ruleLimits.regexDepthMax) throw fault(`groups nested deeper than ${ruleLimits.regexDepthMax}`, at)
    const node = choice()
    depth -= 1
    if (!take(')')) throw fault('a group without its )', at)
    return node
  }

  const escaped = (): Node => {
    const letter = peek()
    if (take('b')) return { kind: 'assert', what: 'boundary' }
    if (take('B')) return { kind: 'assert', what: 'no_boundary' }
    const set = letter === undefined ? undefined : classes[letter]
    if (set) {
      at += 1
      return { kind: 'chars', set }
    }
    return literal(escapedUnit())
  }

  const escapedUnit = (): number => {
    const hex = match(/x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})/y)
    if (hex) return Number.parseInt((hex[1] ?? hex[2]) as string, 16)
    const letter = peek()
    if (letter === undefined) throw fault('a \\ at the end', at)
    at += 1
    if (/[1-9]/.test(letter)) throw fault('back-references', at)
    if (!/[A-Za-z0-9]/.test(letter)) return letter.charCodeAt(0)
    const control = controls[letter]
    if (control === undefined) throw fault(`the escape \\${letter}`, at)
    return control
  }

  const charClass = (): CharSet => {
    const negated = take('^')
    const ranges: (readonly [number, number])[] = []
    for (let first = true; first || peek() !== ']'; first = false) {
      if (at >= source.length) throw fault('a class without its ]', at)
      if (source.startsWith('[:', at)) throw fault('classes of the form [:name:]', at)
      const low = classUnit()
      if (typeof low !== 'number') {
        if (low.negated) ranges.push(...complement(low.ranges))
        else ranges.push(...low.ranges)
        continue
      }
      if (peek() === '-' && at + 1 < source.length && source[at + 1] !== ']') {
        at += 1
        const high = classUnit()
        if (typeof high !== 'number' || high < low) throw fault('a range that runs backwards', at)
        ranges.push([low, high])
      } else ranges.push([low, low])
    }
    at += 1
    return { negated, ranges }
  }

  const classUnit = (): number | CharSet => {
    if (!take('\\')) {
      at += 1
      return source.charCodeAt(at - 1)
    }
    const letter = peek()
    if (take('b')) return 8
    const set = letter === undefined ? undefined : classes[letter]
    if (set) at += 1
    return set ?? escapedUnit()
  }

  return {
    whole() {
      const node = choice()
      if (at < source.length) throw fault('a ) without its (', at)
      return node
    },
  }
}

function literal(unit: number): Node {
  return { kind: 'chars', set: { negated: false, ranges: [[unit, unit]] } }
}

function complement(ranges: CharSet['ranges']): CharSet['ranges'] {
  const gaps: (readonly [number, number])[] = []
  let next = 0
  for (const [low, high] of ranges) {
    if (low > next) gaps.push([next, low - 1])
    next = high + 1
  }
  return next <= 0xffff ? [...gaps, [next, 0xffff]] : gaps
}

function fault(what: string, at: number): RegexSyntaxError {
  return new RegexSyntaxError(`${what}, at character ${at + 1}`)
}

// SPDX-License-Identifier: Apache-2.0

import { falcoLimits } from '../limits.ts'
import { ConditionError } from '../sigma/condition.ts'
import { type OperatorName, operators } from './comparison.ts'

/** A value as it is written; one that is not in quotes may be the name of a list. */
export type Literal = { readonly text: string; readonly isQuoted: boolean }

export const transformers = {
  tolower: (text: string) => text.toLowerCase(),
  toupper: (text: string) => text.toUpperCase(),
  basename: (text: string) => text.slice(text.lastIndexOf('/') + 1),
} as const
export type Transformer = keyof typeof transformers

export type Field = {
  readonly name: string
  /** What stands in brackets behind it: of proc.aname[2] the 2. */
  readonly argument: string | undefined
  /** The innermost first. */
  readonly transformers: readonly Transformer[]
}

export type Condition =
  | { readonly kind: 'macro'; readonly name: string }
  | {
      readonly kind: 'check'
      readonly field: Field
      readonly operator: OperatorName
      readonly values: readonly Literal[]
    }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }

const forms = {
  blank: /[ \t\r\n\b]*/y,
  identifier: /[A-Za-z]\w*/y,
  field: /[A-Za-z]\w*(?:\.[A-Za-z]\w*)+/y,
  argument: /[^[\]"'\s]+/y,
  transformer: /(tolower|toupper|basename|b64|len|val)[ \t]*\(/y,
  operator: /[=!]=|[<>]=?|=|[a-z]+(?![\w.])/y,
  bare: /[^()"'\s=,]+/y,
  quoted: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/sy,
  anything: /\S{1,20}/y,
} as const
const words = { and: /and(?!\w)/y, or: /or(?!\w)/y, not: /not(?!\w)/y } as const

/**
 * Falco's condition syntax (falco.org/docs/concepts/rules/conditions; the grammar stands in falcosecurity/libs,
 * userspace/libsinsp/filter/parser.h). Least binding first: or, and, not, parentheses. Throws ConditionError.
 */
export function parseCondition(text: string): Condition {
  const parser = parserOf(text)
  const condition = parser.disjunction()
  parser.end('Join by "and" or "or"')
  return condition
}

/** A field alone, as exceptions name it. Throws ConditionError. */
export function parseField(text: string): Field {
  const parser = parserOf(text)
  const field = parser.field()
  parser.end('Name one field')
  return field
}

/** Values in parentheses. Throws ConditionError. */
export function parseValues(text: string): readonly Literal[] {
  const parser = parserOf(text)
  const values = parser.values()
  parser.end('Close the list behind its last value')
  return values
}

/** An item of a list: in quotes of its own, or all of it as it is. Throws ConditionError. */
export function literalOf(item: string): Literal {
  forms.quoted.lastIndex = 0
  const isQuoted = forms.quoted.test(item) && forms.quoted.lastIndex === item.length
  return isQuoted ? { text: unescaped(item), isQuoted } : { text: item, isQuoted: /\s/.test(item) }
}

function parserOf(text: string) {
  if (text.length > falcoLimits.conditionUnitsMax)
    throw new ConditionError(`longer than ${falcoLimits.conditionUnitsMax} characters`, 'Split it into macros')
  let at = 0
  let depth = 0

  const match = (form: RegExp): RegExpExecArray | undefined => {
    form.lastIndex = at
    const found = form.exec(text)
    if (found) at = form.lastIndex
    return found ?? undefined
  }
  const take = (form: RegExp): string | undefined => {
    match(forms.blank)
    return match(form)?.[0]
  }
  const takeSign = (sign: string): boolean => {
    match(forms.blank)
    const isThere = text.startsWith(sign, at)
    if (isThere) at += sign.length
    return isThere
  }
  const wrong = (advice: string): ConditionError => {
    const before = text.slice(0, at).trimEnd().slice(-40)
    const found = take(forms.anything)
    const what = found === undefined ? 'it ends too early' : `${found} in the wrong place`
    return new ConditionError(what, before === '' ? advice : `${advice} after "${before}"`)
  }

  const disjunction = (): Condition => joined('or', conjunction)
  const conjunction = (): Condition => joined('and', negation)
  const joined = (kind: 'or' | 'and', next: () => Condition): Condition => {
    const of = [next()]
    while (take(words[kind]) !== undefined) of.push(next())
    return of.length === 1 ? (of[0] as Condition) : { kind, of }
  }
  const negation = (): Condition => {
    let isNegated = false
    while (take(words.not) !== undefined) isNegated = !isNegated
    const of = primary()
    return isNegated ? { kind: 'not', of } : of
  }
  const primary = (): Condition => {
    if (takeSign('(')) return nested()
    if (isFieldNext()) return check(field())
    const name = take(forms.identifier)
    if (name === undefined || Object.hasOwn(words, name)) throw wrong('Write a field, a macro or a (')
    return { kind: 'macro', name }
  }
  const nested = (): Condition => {
    depth += 1
    if (depth > falcoLimits.conditionDepthMax)
      throw new ConditionError(`nested deeper than ${falcoLimits.conditionDepthMax}`, 'Split it into macros')
    const inner = disjunction()
    depth -= 1
    if (!takeSign(')')) throw wrong('Close the parenthesis')
    return inner
  }
  const isFieldNext = (): boolean => {
    match(forms.blank)
    const from = at
    const isField = (match(forms.field) ?? match(forms.transformer)) !== undefined
    at = from
    return isField
  }

  const field = (): Field => {
    const outermostFirst: Transformer[] = []
    for (let found = transformer(); found !== undefined; found = transformer()) outermostFirst.push(found)
    const name = take(forms.field)
    if (name === undefined) throw wrong('Write a field')
    const argument = text[at] === '[' ? bracketed() : undefined
    for (const name of outermostFirst) if (!takeSign(')')) throw wrong(`Close the ( of ${name}`)
    return { name, argument, transformers: outermostFirst.reverse() }
  }
  const transformer = (): Transformer | undefined => {
    match(forms.blank)
    const name = match(forms.transformer)?.[1]
    if (name === undefined || Object.hasOwn(transformers, name)) return name as Transformer | undefined
    throw new ConditionError(`${name}( is not supported`, `There is ${Object.keys(transformers).join(', ')}`)
  }
  const bracketed = (): string => {
    at += 1
    const quoted = match(forms.quoted)?.[0]
    const argument = quoted === undefined ? match(forms.argument)?.[0] : unescaped(quoted)
    if (argument === undefined) throw wrong('Write which one')
    if (text[at] !== ']') throw wrong('Close the [')
    at += 1
    return argument
  }

  const check = (field: Field): Condition => {
    const operator = take(forms.operator)
    if (operator === undefined || !Object.hasOwn(operators, operator)) {
      if (operator !== undefined) at -= operator.length
      throw wrong(`Write one of ${Object.keys(operators).join(' ')}`)
    }
    const name = operator as OperatorName
    const { takes } = operators[name]
    const found = takes === 'nothing' ? [] : takes === 'many' ? values() : [value()]
    return { kind: 'check', field, operator: name, values: found }
  }
  const value = (): Literal => {
    const quoted = take(forms.quoted)
    if (quoted !== undefined) return { text: unescaped(quoted), isQuoted: true }
    match(forms.blank)
    const called = match(forms.transformer)
    if (called)
      throw new ConditionError(`${called[1]}( as a value is not supported`, 'Compare with values that are written out')
    const bare = match(forms.bare)?.[0]
    if (bare === undefined) throw wrong('Write a value, in quotes where it has spaces or signs')
    return { text: bare, isQuoted: false }
  }
  const values = (): readonly Literal[] => {
    if (!takeSign('(')) return [value()]
    if (takeSign(')')) return []
    const found = [value()]
    while (takeSign(',')) found.push(value())
    if (!takeSign(')')) throw wrong('Write a , or the ) of the list')
    return found
  }

  return {
    disjunction,
    field,
    values,
    end(advice: string) {
      match(forms.blank)
      if (at < text.length) throw wrong(advice)
    },
  }
}

const escapes: Readonly<Record<string, string>> = {
  ...{ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '/': '/', '\\': '\\', '"': '"', "'": "'" },
  // As Falco reads it, for rules that are out there escape spaces so.
  ' ': '\\',
}

/** What stands between the quotes. falco.org/docs/concepts/rules/special-characters */
function unescaped(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(x[0-9A-Fa-f]{2}|.)/gs, (whole, letter: string) => {
    if (letter.length > 1) return String.fromCharCode(Number.parseInt(letter.slice(1), 16))
    const meant = escapes[letter]
    if (meant === undefined) throw new ConditionError(`the escape ${whole}`, 'Write \\\\ for a backslash')
    return meant
  })
}

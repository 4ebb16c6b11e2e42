// SPDX-License-Identifier: Apache-2.0
// docs/formats/filter.md

import { nearest } from '../nearest.ts'
import { type Field, type FieldRow, fieldNames, fieldRow, isField, type Operator, wordMeant } from './fields.ts'
import type { Filter, Term, Value } from './filter.ts'
import { filterLimits } from './limits.ts'
import { type FilterProblem, filterProblem, Unparsed } from './problem.ts'
import { type Token, tokensOf } from './tokens.ts'

export type ParsedFilter = { readonly filter: Filter } | { readonly problem: FilterProblem }

const { bytesMax, termsMax, depthMax, valuesMax } = filterLimits
const keywords = ['and', 'or', 'not', 'in']

/** Reads a filter, wholly or not at all. Never throws. */
export function parseFilter(text: string): ParsedFilter {
  const bytes = text.length > bytesMax ? text.length : new TextEncoder().encode(text).length
  if (bytes > bytesMax) return { problem: filterProblem(bytesMax, `at most ${bytesMax} bytes`, `${bytes}`) }
  try {
    return { filter: read([...tokensOf(text)]) }
  } catch (error) {
    if (error instanceof Unparsed) return { problem: error.problem }
    throw error
  }
}

function read(tokens: readonly Token[]): Filter {
  let place = 0
  let terms = 0
  let values = 0
  const look = () => tokens[Math.min(place, tokens.length - 1)] as Token
  const isWord = (word: string) => look().kind === 'word' && look().value.toLowerCase() === word
  const take = () => {
    const token = look()
    place += 1
    return token
  }
  const takeWord = (word: string) => isWord(word) && take() !== undefined
  const due = (expected: string, suggestion?: string) => new Unparsed(look().at, expected, look().value, suggestion)

  const filter = either(0)
  if (look().kind !== 'end') throw due('and, or, or the end', look().kind === ')' ? undefined : 'and')
  return filter

  function joined(is: 'and' | 'or', part: () => Filter): Filter {
    const parts = [part()]
    while (takeWord(is)) parts.push(part())
    const flat = parts.flatMap((one) => (one.is === is ? one.parts : [one]))
    return flat.length === 1 ? (flat[0] as Filter) : { is, parts: flat }
  }

  function either(depth: number): Filter {
    return joined('or', () => joined('and', () => one(depth)))
  }

  function one(depth: number): Filter {
    const isNot = isWord('not')
    if (!isNot && look().kind !== '(') return term()
    if (depth === depthMax) throw due(`at most ${depthMax} nots and brackets within each other`)
    take()
    if (isNot) return { is: 'not', part: one(depth + 1) }
    const inner = either(depth + 1)
    if (look().kind !== ')') throw due('and, or, or a closing bracket')
    take()
    return inner
  }

  function term(): Term {
    if (++terms > termsMax) throw due(`at most ${termsMax} comparisons`)
    const name = look().value.toLowerCase()
    if (look().kind !== 'word' || keywords.includes(name) || !isField(name))
      throw due(`a field (${fieldNames.join(', ')}), not or a bracket`, nearest(name, fieldNames))
    take()
    const row = fieldRow(name)
    const operator = takeOperator(name, row)
    if (operator !== 'in') return { is: 'term', field: name, operator, values: [value(name, row)] }
    if (look().kind !== '(') throw due('a bracket and the values', `${name} in (…)`)
    const listed = new Set<Value>()
    do {
      take()
      listed.add(value(name, row))
    } while (look().kind === ',')
    if (look().kind !== ')') throw due('a comma or a closing bracket')
    take()
    return { is: 'term', field: name, operator: listed.size === 1 ? '=' : 'in', values: [...listed] }
  }

  function takeOperator(field: Field, row: FieldRow): Operator {
    const isIn = isWord('in')
    const known = row.operators.join(' ')
    if (!isIn && look().kind !== 'operator') throw due(`an operator of ${field} (${known})`, row.operators[0])
    const operator = (isIn ? 'in' : look().value) as Operator
    if (!row.operators.includes(operator)) throw due(`an operator of ${field} (${known})`, row.operators[0])
    take()
    return operator
  }

  function value(field: Field, row: FieldRow): Value {
    if (++values > valuesMax) throw due(`at most ${valuesMax} values in all`)
    const token = look()
    if (token.kind !== 'word' && token.kind !== 'text')
      throw due(`a value of ${field}`, token.value === '=' ? 'a single =' : undefined)
    if (token.kind === 'word' && keywords.includes(token.value.toLowerCase()))
      throw due(`a value of ${field}`, JSON.stringify(token.value))
    const found = readValue(row, token.value)
    if ('expected' in found) throw due(`${found.expected} for ${field}`, found.suggestion)
    take()
    return found.value
  }
}

type Read = { readonly value: Value } | { readonly expected: string; readonly suggestion?: string | undefined }

function readValue({ value: form, names, words }: FieldRow, text: string): Read {
  if (form === 'time') {
    const ms = parseTime(text)
    return ms === undefined ? { expected: 'a time as 2026-01-31T12:00:00Z' } : { value: ms }
  }
  const number = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (form === 'number') return Number.isSafeInteger(number) ? { value: number } : { expected: 'a whole number' }
  const known = names === undefined ? words : Object.keys(names)
  if (known === undefined) return text === '' ? { expected: 'a text that is not empty' } : { value: text }
  const name = wordMeant(text, known)
  if (name !== undefined) return { value: names?.[name] ?? name }
  if (form === 'name' && Number.isSafeInteger(number)) return { value: number }
  const expected = `${known.join(', ')}${form === 'name' ? ', or a number' : ''}`
  return { expected, suggestion: nearest(text, known) }
}

const lastMs = Date.parse('9999-12-31T23:59:59.999Z')
const timeForm =
  /^(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/** RFC 3339, from 1970 on, to Unix milliseconds: what is finer is cut off. Undefined for all else, and days that do not exist. */
export function parseTime(text: string): number | undefined {
  const found = timeForm.exec(text)
  if (found === null) return undefined
  const [, date, hour, minute, second, fraction = '', zone] = found as unknown as string[]
  const midnightMs = Date.parse(`${date}T00:00:00Z`)
  // Date rolls the 31st of a short month over.
  if (Number.isNaN(midnightMs) || !new Date(midnightMs).toISOString().startsWith(date as string)) return undefined
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(zone as string) ?? ['', '+', '0', '0']
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000)
  const clock = (Number(hour) * 60 + Number(minute)) * 60_000 + Number(second) * 1000
  const ms = midnightMs + clock + Number(`${fraction}000`.slice(0, 3)) - offset
  return ms >= 0 && ms <= lastMs ? ms : undefined
}

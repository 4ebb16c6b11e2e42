// SPDX-License-Identifier: Apache-2.0

import { nearest } from '../nearest.ts'
import { type PolicyProblemCode, pointerTo } from './problem.ts'

/** JSON text with the place of every value, for whoever must say where something stands. */
export type PlacedJson = {
  /** Undefined where the text is no JSON, or nests too deep. */
  readonly value: unknown
  readonly faults: readonly TextFault[]
  /** JSON pointer -> offset of the value, in UTF-16 units. */
  readonly values: ReadonlyMap<string, number>
  /** JSON pointer -> offset of the name of the member. */
  readonly names: ReadonlyMap<string, number>
}

export type TextFault = {
  readonly code: PolicyProblemCode
  readonly pointer: string
  readonly offset: number
  readonly rule: string
  readonly received: string
  readonly suggestion: string
}

/**
 * RFC 8259, and what it leaves open refused: members twice, lone surrogates, numbers beyond every number. JSON.parse says
 * neither where a value stands nor that a member stands there twice.
 */
export function parsePlaced(text: string, depthMax: number): PlacedJson {
  const faults: TextFault[] = []
  const values = new Map<string, number>()
  const names = new Map<string, number>()
  let at = 0

  function stop(rule: string, suggestion: string, code: PolicyProblemCode = 'syntax'): never {
    const found = wordAt().slice(0, receivedMax) || text.slice(at, at + 12)
    const received = at < text.length ? JSON.stringify(found.toWellFormed()) : 'the end of the text'
    throw new Stop({ code, pointer: '', offset: at, rule, received, suggestion })
  }

  /** As people see it: '' where there is none. */
  function wordAt(): string {
    word.lastIndex = at
    return word.exec(text)?.[0] ?? ''
  }

  function skipSpace(): void {
    while (at < text.length && ' \t\n\r'.includes(text[at] as string)) at += 1
  }

  function readValue(pointer: string, depth: number): unknown {
    skipSpace()
    values.set(pointer, at)
    const first = text[at]
    if (first === '{') return readObject(pointer, depth + 1)
    if (first === '[') return readArray(pointer, depth + 1)
    if (first === '"') return readString()
    return readBare()
  }

  function enter(depth: number): void {
    if (depth > depthMax) stop(`values nest at most ${depthMax} deep`, 'Flatten the document', 'too_deep')
    at += 1
    skipSpace()
  }

  /** After a value: true where another one follows. */
  function hasMore(end: string): boolean {
    skipSpace()
    const found = text[at]
    if (found !== ',' && found !== end)
      stop(`a comma or ${end} follows a value`, 'Add the comma, or close what is open')
    at += 1
    return found === ','
  }

  function readArray(pointer: string, depth: number): unknown[] {
    enter(depth)
    const array: unknown[] = []
    if (text[at] === ']') {
      at += 1
      return array
    }
    do array.push(readValue(pointerTo(pointer, array.length), depth))
    while (hasMore(']'))
    return array
  }

  function readObject(pointer: string, depth: number): object {
    enter(depth)
    const object = {}
    if (text[at] === '}') {
      at += 1
      return object
    }
    do {
      skipSpace()
      if (text[at] !== '"')
        stop('the name of a member stands in double quotes', remedy('Put the name in double quotes'))
      const from = at
      const name = readString()
      const inner = pointerTo(pointer, name)
      skipSpace()
      if (text[at] !== ':') stop('a colon follows the name of a member', `Add a colon after ${JSON.stringify(name)}`)
      at += 1
      if (Object.hasOwn(object, name)) {
        const received = JSON.stringify(name)
        const rule = 'each member stands once in its object'
        const suggestion = 'Remove one of the two: readers differ in which of them they take'
        faults.push({ code: 'duplicate_member', pointer: inner, offset: from, rule, received, suggestion })
      }
      names.set(inner, from)
      // Assigned, __proto__ would become the prototype.
      Object.defineProperty(object, name, {
        value: readValue(inner, depth),
        enumerable: true,
        writable: true,
        configurable: true,
      })
    } while (hasMore('}'))
    return object
  }

  function readString(): string {
    const from = at
    at += 1
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    at += 1
    let string: unknown
    try {
      string = JSON.parse(text.slice(from, at))
    } catch {
      at = from
      stop(
        'a text ends in the line in which it begins, and escapes what JSON asks for',
        'Close the quotes; write \\n for a new line and \\\\ for a backslash',
      )
    }
    if ((string as string).isWellFormed()) return string as string
    at = from
    return stop('texts are well-formed Unicode', 'Remove the half of a surrogate pair')
  }

  function readBare(): unknown {
    const found = wordAt()
    if (!bare.test(found)) {
      const meant = nearest(found, ['true', 'false', 'null'])
      const otherwise = meant === undefined ? 'Put texts in double quotes' : `Did you mean ${meant}?`
      stop('a value is a text, a number, true, false, null, a list or an object', remedy(otherwise))
    }
    const value: unknown = JSON.parse(found)
    if (typeof value === 'number' && !Number.isFinite(value)) stop('numbers are finite', 'Write a smaller number')
    at += found.length
    return value
  }

  /** What people write that JSON does not have. */
  function remedy(otherwise: string): string {
    const found = text[at]
    if (found === '/' || found === '#') return 'Remove the comment, for JSON has none: "description" is for people'
    if (found === '}' || found === ']') return 'Remove the comma before it'
    return otherwise
  }

  try {
    if (text.startsWith('\ufeff')) stop('the text begins with the document', 'Save it without a byte order mark')
    const value = readValue('', 0)
    skipSpace()
    if (at < text.length) stop('one document is all there is', 'Remove what follows the document')
    return { value, faults, values, names }
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    return { value: undefined, faults: [...faults, error.fault], values, names }
  }
}

class Stop extends Error {
  readonly fault: TextFault
  constructor(fault: TextFault) {
    super()
    this.fault = fault
  }
}

const receivedMax = 40
const word = /[-+.\w]*/y
const bare = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/

/** Line and column of each offset, both from 1; a column counts characters, not bytes. Reads the text once. */
export function placesAt(
  text: string,
  offsets: readonly number[],
): ReadonlyMap<number, { readonly line: number; readonly column: number }> {
  const places = new Map<number, { line: number; column: number }>()
  let [at, line, column] = [0, 1, 1]
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    for (; at < offset; at += 1) {
      const unit = text.charCodeAt(at)
      if (unit === 0x0a) [line, column] = [line + 1, 1]
      else if (!isSecondHalf(unit) || !isFirstHalf(text.charCodeAt(at - 1))) column += 1
    }
    places.set(offset, { line, column })
  }
  return places
}

const isFirstHalf = (unit: number) => unit >= 0xd800 && unit <= 0xdbff
const isSecondHalf = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff

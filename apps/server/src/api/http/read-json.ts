// SPDX-License-Identifier: Apache-2.0

import { httpError } from './problems.ts'

const depthMax = 64

/**
 * JSON as it must come to the API. JSON.parse takes the last of two members of one name, and readers before it may have
 * taken the first: such a text is refused, and so are `__proto__`, half a character, which no line can hold, and what nests
 * deeper than anything asks for. What has more values is not even parsed. Throws REQUEST_INVALID or REQUEST_TOO_LARGE.
 */
export function readJson(text: string, valuesMax: number): unknown {
  const attempted = 'reading the body'
  const { values, depth, colons } = look(text)
  if (values > valuesMax) throw httpError('REQUEST_TOO_LARGE', { attempted, received: `more than ${valuesMax} values` })
  if (depth > depthMax) throw httpError('REQUEST_INVALID', { attempted, received: `more than ${depthMax} levels` })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw httpError('REQUEST_INVALID', { attempted, received: 'what is no JSON', cause })
  }
  const members = membersIn(value)
  if (typeof members === 'string') throw httpError('REQUEST_INVALID', { attempted, received: members })
  if (members !== colons) throw httpError('REQUEST_INVALID', { attempted, received: 'a member twice in one object' })
  return value
}

const halfCharacter = 'a text with half a character (a lone surrogate)'

/** How many members there are in all, or what must not be there. */
function membersIn(value: unknown): number | string {
  if (typeof value === 'string') return value.isWellFormed() ? 0 : halfCharacter
  if (typeof value !== 'object' || value === null) return 0
  let members = 0
  const isArray = Array.isArray(value)
  for (const name of Object.keys(value)) {
    if (name === '__proto__') return 'a member __proto__'
    if (!name.isWellFormed()) return halfCharacter
    const within = membersIn((value as Record<string, unknown>)[name])
    if (typeof within === 'string') return within
    members += within + (isArray ? 0 : 1)
  }
  return members
}

const [quote, comma, colon, backslash] = [0x22, 0x2c, 0x3a, 0x5c]
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d]

/** What can be told by the signs outside of texts: as many values at most, and of sound JSON as many members as colons. */
function look(text: string): { values: number; depth: number; colons: number } {
  let [values, level, depth, colons] = [1, 0, 0, 0]
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === colon) colons += 1
    else if (unit === comma) values += 1
    else if (unit === openList || unit === openObject) {
      values += 1
      level += 1
      depth = Math.max(depth, level)
    } else if (unit === closeList || unit === closeObject) level -= 1
    else if (unit === quote)
      for (at += 1; at < text.length && text.charCodeAt(at) !== quote; at += 1)
        if (text.charCodeAt(at) === backslash) at += 1
  }
  return { values, depth, colons }
}

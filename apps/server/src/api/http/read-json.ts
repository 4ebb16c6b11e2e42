// SPDX-License-Identifier: Apache-2.0

import { httpError } from './problems.ts'

const depthMax = 64

/**
 * JSON as it must come to the API. JSON.parse takes the last of two members of one name, and readers before it may have
 * taken the first: such a text is refused, and so are `__proto__` and what nests deeper than anything asks for. Throws
 * REQUEST_INVALID.
 */
export function readJson(text: string): unknown {
  const attempted = 'reading the body'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw httpError('REQUEST_INVALID', { attempted, received: 'what is no JSON', cause })
  }
  const members = membersIn(value, 0)
  if (members === undefined)
    throw httpError('REQUEST_INVALID', { attempted, received: `more than ${depthMax} levels, or __proto__` })
  if (members !== colonsIn(text))
    throw httpError('REQUEST_INVALID', { attempted, received: 'a member twice in one object' })
  return value
}

/** How many members there are in all; undefined: too deep, or one that must not be. */
function membersIn(value: unknown, depth: number): number | undefined {
  if (typeof value !== 'object' || value === null) return 0
  if (depth >= depthMax) return undefined
  let members = 0
  const isArray = Array.isArray(value)
  for (const name of Object.keys(value)) {
    const within = membersIn((value as Record<string, unknown>)[name], depth + 1)
    if (within === undefined || name === '__proto__') return undefined
    members += within + (isArray ? 0 : 1)
  }
  return members
}

const [quote, colon, backslash] = [0x22, 0x3a, 0x5c]

/** Of sound JSON: outside of texts a colon stands behind the name of a member alone. */
function colonsIn(text: string): number {
  let colons = 0
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === colon) colons += 1
    if (unit !== quote) continue
    for (at += 1; text.charCodeAt(at) !== quote; at += 1) if (text.charCodeAt(at) === backslash) at += 1
  }
  return colons
}

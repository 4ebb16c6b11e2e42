// SPDX-License-Identifier: Apache-2.0

import type { Json, JsonObject } from '@sealwatch/base/json'

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What stands there in JSON of any form; undefined where the path leads nowhere. */
export function memberAt(value: Json | undefined, ...path: readonly string[]): Json | undefined {
  let inner = value
  for (const name of path) inner = isObject(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined
  return inner
}

/** Text and numbers as text; undefined for anything else. */
export function textAt(value: Json | undefined, ...path: readonly string[]): string | undefined {
  const member = memberAt(value, ...path)
  return typeof member === 'string' ? member : typeof member === 'number' ? String(member) : undefined
}

// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { canonicalize, type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import { baselineError } from './errors.ts'

export const baselineType = 'application/vnd.sealwatch.baseline.v1+json'

/** What is signed of a baseline (docs/formats/baseline.md, 3). */
export type Statement = {
  readonly host: { readonly hostname: string; readonly machine_id: string }
  readonly created_at: string
  readonly roots: readonly string[]
  readonly excluded: readonly string[]
  /** Directories that were listed and not entered. */
  readonly foreign: number
  readonly rows: number
  /** Rows whose content nobody could read. */
  readonly unread: number
  readonly bytes: number
  /** Whether the attribute security.capability was looked for. */
  readonly capabilities: boolean
  /** SHA-256 of all rows, each with its line feed, in hex. */
  readonly rows_sha256: string
}

const forms: { readonly [M in keyof Statement]: (value: Json | undefined) => boolean } = {
  host: (value) => isObject(value) && hasOnly(value, ['hostname', 'machine_id']) && Object.values(value).every(isShort),
  created_at: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/.test(value),
  roots: isPaths,
  excluded: isPaths,
  foreign: isCount,
  rows: isCount,
  unread: isCount,
  bytes: isCount,
  capabilities: (value) => typeof value === 'boolean',
  rows_sha256: (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value),
}

export const encodeStatement = (statement: Statement): Uint8Array => new TextEncoder().encode(canonicalize(statement))

/** Of a payload whose signature holds. Throws BASELINE_MALFORMED. */
export function readStatement(payload: Uint8Array, attempted: string): Statement {
  const wrong = (received: string) => baselineError('BASELINE_MALFORMED', { attempted, received })
  let value: Json
  try {
    value = parseCanonical(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload), attempted)
  } catch (cause) {
    throw wrong(isSealwatchError(cause) ? cause.message : 'a statement that is no UTF-8')
  }
  if (!isObject(value) || !hasOnly(value, Object.keys(forms))) throw wrong('a statement with other members')
  const bad = Object.entries(forms).find(([name, holds]) => !holds((value as JsonObject)[name]))
  if (bad !== undefined) throw wrong(`${bad[0]} ${JSON.stringify(value[bad[0]])}`)
  return value as unknown as Statement
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
const hasOnly = (object: JsonObject, members: readonly string[]) =>
  Object.keys(object).length === members.length && members.every((member) => Object.hasOwn(object, member))
const isShort = (value: Json) => typeof value === 'string' && value.length <= 253
function isCount(value: Json | undefined): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
function isPaths(value: Json | undefined): boolean {
  return Array.isArray(value) && value.every((path) => typeof path === 'string' && path.startsWith('/'))
}

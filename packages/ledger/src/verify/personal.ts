// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import { type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import type { Line } from './line.ts'
import { equal, type Sha256 } from './merkle.ts'

export const personalErrors = {
  SIDE_UNMATCHED: {
    kind: 'unverified',
    rule: 'a personal value must match the commitment that stands in its line (line.md, 4)',
    advice: 'Take the values that were sealed with the line',
  },
} as const satisfies ErrorTable
const personalError = errorsOf(personalErrors)

/** JSON pointer into the line -> the value and the salt (32 hex) it was committed with. */
export type SideValues = Readonly<Record<string, { readonly salt: string; readonly value: string }>>

const utf8 = new TextEncoder()
const sidePointersMax = 32

/** `commit:` and the hex SHA-256 of salt and value. */
export function commitmentTo(sha256: Sha256, salt: Uint8Array, value: string): string {
  const text = utf8.encode(value)
  const preimage = new Uint8Array(salt.length + text.length)
  preimage.set(salt)
  preimage.set(text, salt.length)
  return `commit:${sha256(preimage).toHex()}`
}

/** The members that a pointer (RFC 6901) leads through. */
export const membersOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))

/** One text for each place: anything else would show one value under two names. */
const pointerForm = /^(?:\/(?:[^~/]|~[01])*)*$/u

/** What the pointer leads to, if anything. */
export function valueAt(value: Json | undefined, pointer: string): Json | undefined {
  if (!pointerForm.test(pointer)) return undefined
  return membersOf(pointer).reduce<Json | undefined>(
    (at, member) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, member) ? (at as JsonObject)[member] : undefined,
    value,
  )
}

/** Parses the values beside a line and holds each against its commitment. */
export function openSide(sha256: Sha256, line: Line, text: string, attempted: string): SideValues {
  const values = parseCanonical(text, attempted)
  const entries = Object.entries(values ?? {})
  if (typeof values !== 'object' || entries.length === 0 || entries.length > sidePointersMax)
    throw personalError('SIDE_UNMATCHED', { attempted, received: `${entries.length} values` })
  for (const [pointer, opened] of entries) {
    const { salt, value, ...rest } = (opened ?? {}) as { salt?: Json; value?: Json }
    const isFormed =
      typeof salt === 'string' &&
      /^[0-9a-f]{32}$/.test(salt) &&
      typeof value === 'string' &&
      Object.keys(rest).length === 0
    const committed = valueAt(line as unknown as Json, pointer)
    if (!isFormed || typeof committed !== 'string')
      throw personalError('SIDE_UNMATCHED', { attempted, received: pointer })
    const due = commitmentTo(sha256, Uint8Array.fromHex(salt), value)
    if (!equal(utf8.encode(due), utf8.encode(committed)))
      throw personalError('SIDE_UNMATCHED', { attempted, received: pointer })
  }
  return values as unknown as SideValues
}

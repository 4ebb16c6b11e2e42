// SPDX-License-Identifier: Apache-2.0
// No node: imports: the browser's verifier reads lines with the same code.

import canonicalizeJson from 'canonicalize'
import { type ErrorTable, errorsOf } from './errors.ts'
import { jsonDepthMax } from './skip-canonical.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [member: string]: Json }

export const jsonErrors = {
  JSON_MALFORMED: { kind: 'invalid', rule: 'the text must be JSON (RFC 8259) in UTF-8', advice: 'Send valid JSON' },
  JSON_DEPTH: { kind: 'invalid', rule: 'values nest at most 32 deep', advice: 'Flatten the value' },
  JSON_NOT_CANONICAL: {
    kind: 'invalid',
    rule: 'the text must be in canonical form (RFC 8785)',
    advice: 'Write it with a JCS library; keep the bytes as they were sealed',
  },
} as const satisfies ErrorTable
const jsonError = errorsOf(jsonErrors)

export { isAfter, jsonDepthMax, skipCanonical, skipKey, startsWith } from './skip-canonical.ts'

/** RFC 8785 text of a plain JSON value. Throws on lone surrogates, NaN and infinities, and drops undefined members. */
export function canonicalize(value: object): string {
  // V8 writes numbers and strings as JCS does, so with members in order its text is the canonical one. Lone surrogates,
  // which it escapes and RFC 8785 forbids, are the library's; what only looks like them is none the worse for it.
  if (isOrdered(value)) {
    const text = JSON.stringify(value)
    if (!text.includes('\\ud')) return text
  }
  const found: Found = { hasDigits: false }
  const text = JSON.stringify(withSortedMembers(value, found))
  // Members like integers come in an order of V8's own.
  return found.hasDigits || text.includes('\\ud') ? (canonicalizeJson(value) as string) : text
}

/** Will every member be written after those that sort before it? Keys like integers, which V8 reorders, come as it does. */
function isOrdered(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'number' || Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isOrdered)
  let previous: string | undefined
  for (const member in value) {
    if (previous !== undefined && member <= previous) return false
    previous = member
    if (!isOrdered((value as Record<string, unknown>)[member])) return false
  }
  return true
}

/** Of all objects together: does a member begin with a digit? */
type Found = { hasDigits: boolean }

function withSortedMembers(value: unknown, found: Found): unknown {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw jsonError('JSON_NOT_CANONICAL', { attempted: 'writing canonical JSON', received: value })
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => withSortedMembers(item, found))
  const members = value as Record<string, unknown>
  const order = orderOf(Object.keys(members))
  if (order.hasDigits) found.hasDigits = true
  const sorted: Record<string, unknown> = {}
  for (const member of order.sorted) {
    const inner = withSortedMembers(members[member], found)
    // Assigned, it would become the prototype.
    if (member === '__proto__') Object.defineProperty(sorted, member, { value: inner, enumerable: true })
    else sorted[member] = inner
  }
  return sorted
}

type Order = { readonly members: readonly string[]; readonly sorted: readonly string[] } & Found

/** Orders that were found by sorting, by a hash of the members: objects of one kind have theirs in the same order. */
const orders: (Order | undefined)[] = new Array(256).fill(undefined)
/** Of all members of an object whose order is kept. */
const keptCharsMax = 1024

function orderOf(members: readonly string[]): Order {
  let [hash, chars] = [members.length, 0]
  for (const member of members) {
    chars += member.length
    hash = (31 * hash + 7 * member.length + (member.charCodeAt(0) || 0)) % orders.length
  }
  const known = orders[hash]
  if (known !== undefined && isSame(known.members, members)) return known
  const order = { members, sorted: members.toSorted(), hasDigits: members.some((member) => /^\d/.test(member)) }
  if (chars <= keptCharsMax) orders[hash] = order
  return order
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i += 1) if (one[i] !== other[i]) return false
  return true
}

/**
 * Parses text that must already be canonical. Its errors say where it is wrong and never what it says: lines and personal
 * values come this way, and errors are logged (LOG-5). Returns the value, whose canonical form is exactly `text`.
 */
export function parseCanonical(text: string, attempted: string): Json {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    // For a short text V8 tells the text in the place of the position.
    const [where = ''] = / at position \d+/.exec(String(cause)) ?? []
    throw jsonError('JSON_MALFORMED', { attempted, received: `${text.length} characters that are no JSON${where}` })
  }
  const sorted = isSorted(value, 0, attempted)
  // V8 writes numbers and strings as JCS does, so with sorted keys equality proves the form; only lone surrogates,
  // which V8 escapes and RFC 8785 forbids, and integer-like keys, which V8 reorders, need the library.
  if (sorted && JSON.stringify(value) === text && !text.includes('\\ud')) return value
  const canonical = canonicalOf(value)
  if (canonical === text) return value
  const received = `${text.length} characters, other than its canonical form from ${differenceOf(text, canonical)} on`
  throw jsonError('JSON_NOT_CANONICAL', { attempted, received })
}

function canonicalOf(value: Json): string {
  try {
    return canonicalizeJson(value) as string
  } catch {
    // A lone surrogate: there is no canonical form.
    return ''
  }
}

function differenceOf(one: string, other: string): number {
  let at = 0
  while (at < one.length && one[at] === other[at]) at += 1
  return at
}

function isSorted(value: Json, depth: number, attempted: string): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth >= jsonDepthMax) throw jsonError('JSON_DEPTH', { attempted, received: `more than ${jsonDepthMax} levels` })
  let sorted = true
  if (Array.isArray(value)) {
    for (const item of value) sorted = isSorted(item, depth + 1, attempted) && sorted
    return sorted
  }
  let previous: string | undefined
  for (const member in value) {
    if (previous !== undefined && member <= previous) sorted = false
    previous = member
    sorted = isSorted((value as JsonObject)[member] as Json, depth + 1, attempted) && sorted
  }
  return sorted
}

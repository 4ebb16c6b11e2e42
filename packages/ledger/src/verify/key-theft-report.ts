// SPDX-License-Identifier: Apache-2.0
// What a report of the drill key-theft has besides what all have (docs/formats/drill-report.md, 2.2).

import type { Json } from '@sealwatch/base/json'
import { type Check, isCount, isOf, isOneOf, isPrintable, isString, isText, isTime, orNull } from './shape.ts'

/** Where the line of the tenant's ledger is that says so; null: none came. */
export type AttackLeaves = {
  readonly incident: number | null
  readonly kill: number | null
  readonly evict: number | null
  readonly rotate: number | null
}

/** One way to the memory of the decoy, gone by a process of its own. */
export type PlayedAttack = {
  /** In the guard's words (event.md, 7.6). */
  readonly way: string
  readonly does: string
  /** What it calls itself, and its pid. */
  readonly attacker: string
  /** When it made its first call, by its own clock. */
  readonly at: string
  readonly outcome: 'passed' | 'failed'
  readonly incident: string | null
  readonly severity: string | null
  /** The kernel did not let it. */
  readonly refused: boolean
  /** From its first call to when the guard told of it, and to when whoever started it saw it ended. */
  readonly seen_us: number | null
  readonly killed_us: number | null
  /** What it had of the decoy's memory by then. */
  readonly bytes: number
  /** Epochs of the master key, before and after. */
  readonly key_before: number
  readonly key_after: number
  /** Of the decoy's clients, from then until the next. */
  readonly requests: number
  readonly requests_failed: number
  readonly leaves: AttackLeaves
  /** What was not as it should be. */
  readonly missed: readonly string[]
}

/** Of the decoy's clients: how long they waited, in microseconds. `quiet_…`: before the first attack. */
export type ServedRequests = {
  readonly total: number
  readonly failed: number
  readonly p50_us: number
  readonly p99_us: number
  readonly quiet_p50_us: number
  readonly quiet_p99_us: number
}

export type KeyTheft = {
  readonly host: string
  /** Name under which it was protected, and its pid. */
  readonly decoy: string
  readonly attacks: readonly PlayedAttack[]
  readonly requests: ServedRequests | null
}

const leaf = orNull(isCount)
const leaves: { readonly [K in keyof AttackLeaves]: Check } = { incident: leaf, kill: leaf, evict: leaf, rotate: leaf }
const listOf = (check: Check) => (value: Json | undefined) => Array.isArray(value) && value.every(check)
const isBoolean = (value: Json | undefined) => typeof value === 'boolean'
const attack: { readonly [K in keyof PlayedAttack]: Check } = {
  way: isPrintable,
  does: isText,
  attacker: isText,
  at: isTime,
  outcome: isOneOf(['passed', 'failed']),
  incident: orNull(isPrintable),
  severity: orNull(isPrintable),
  refused: isBoolean,
  seen_us: leaf,
  killed_us: leaf,
  bytes: isCount,
  key_before: isCount,
  key_after: isCount,
  requests: isCount,
  requests_failed: isCount,
  leaves: isOf(leaves),
  missed: listOf(isString),
}
const requests: { readonly [K in keyof ServedRequests]: Check } = {
  total: isCount,
  failed: isCount,
  p50_us: isCount,
  p99_us: isCount,
  quiet_p50_us: isCount,
  quiet_p99_us: isCount,
}
export const keyTheft: { readonly [K in keyof KeyTheft]: Check } = {
  host: isPrintable,
  decoy: isText,
  attacks: listOf(isOf(attack)),
  requests: orNull(isOf(requests)),
}

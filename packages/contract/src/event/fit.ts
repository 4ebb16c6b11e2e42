// SPDX-License-Identifier: Apache-2.0

import type { EventBase } from './events.ts'

/**
 * UTF-16 units of text in one event. JSON writes a unit in at most six bytes (\u0001), so text takes at most
 * 54,000 of a line's 65,535 bytes and leaves the rest to names, numbers, commitments and the envelope.
 */
export const eventTextUnitsMax = 9_000

/** Never below 128: commitments, hashes and the paths that rules name stay whole. */
const stringUnitsSteps = [4_096, 2_048, 1_024, 512, 256, 128] as const

/** The event itself when its text is well-formed and fits; else a copy with the longest strings cut, marked truncated. */
export function fitText<E extends EventBase>(event: E): E {
  const wellFormed = isWellFormed(event) ? event : mapStrings(event, (text) => text.toWellFormed())
  if (textUnits(wellFormed, Number.POSITIVE_INFINITY) <= eventTextUnitsMax) return wellFormed
  const unitsMax = stringUnitsSteps.find((step) => textUnits(wellFormed, step) <= eventTextUnitsMax) ?? 128
  const cut = mapStrings(wellFormed, (text) => clip(text, unitsMax))
  return { ...cut, metadata: { ...cut.metadata, is_truncated: true } }
}

/** The first `unitsMax` UTF-16 units, one less where that would split a character. */
export function clip(text: string, unitsMax: number): string {
  if (text.length <= unitsMax) return text
  const head = text.slice(0, unitsMax)
  return head.isWellFormed() ? head : head.slice(0, -1)
}

function textUnits(value: unknown, unitsMax: number): number {
  if (typeof value === 'string') return Math.min(value.length, unitsMax)
  if (typeof value !== 'object' || value === null) return 0
  let units = 0
  for (const inner of Object.values(value)) units += textUnits(inner, unitsMax)
  return units
}

function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  return typeof value !== 'object' || value === null || Object.values(value).every(isWellFormed)
}

function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change)) as T
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapStrings(inner, change)])) as T
}

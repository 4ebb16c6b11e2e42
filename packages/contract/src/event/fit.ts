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
  // The quick way of nearly every event; JSON writes a lone surrogate, and little else, as \udXXX.
  const json = JSON.stringify(event)
  if (json.length <= eventTextUnitsMax && !json.includes('\\ud')) return event
  const text = surveyed(event, Number.POSITIVE_INFINITY)
  const wellFormed = text.isWellFormed ? event : mapStrings(event, (string) => string.toWellFormed())
  if (text.units <= eventTextUnitsMax) return wellFormed
  const unitsMax = stringUnitsSteps.find((step) => surveyed(wellFormed, step).units <= eventTextUnitsMax) ?? 128
  const cut = mapStrings(wellFormed, (string) => clip(string, unitsMax))
  return { ...cut, metadata: { ...cut.metadata, is_truncated: true } }
}

/** The first `unitsMax` UTF-16 units, one less where that would split a character. */
export function clip(text: string, unitsMax: number): string {
  if (text.length <= unitsMax) return text
  const head = text.slice(0, unitsMax)
  return head.isWellFormed() ? head : head.slice(0, -1)
}

type Survey = { units: number; isWellFormed: boolean }

/** How much text there is when each string counts at most `unitsMax`. */
function surveyed(event: object, unitsMax: number): Survey {
  const survey = { units: 0, isWellFormed: true }
  walk(event, unitsMax, survey)
  return survey
}

function walk(value: unknown, unitsMax: number, survey: Survey): void {
  if (typeof value === 'string') {
    survey.units += Math.min(value.length, unitsMax)
    survey.isWellFormed &&= value.isWellFormed()
  } else if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) walk(inner, unitsMax, survey)
}

function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change)) as T
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapStrings(inner, change)])) as T
}

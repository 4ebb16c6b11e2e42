// SPDX-License-Identifier: Apache-2.0

import type { Scalar } from '../reading.ts'

const dayMs = 86_400_000

/** Parts of a time in UTC, as numbers. Sigma modifiers 2.1, "Time Modifiers"; weeks are those of ISO 8601, 1 to 53. */
const parts = {
  minute: (time: Date) => time.getUTCMinutes(),
  hour: (time: Date) => time.getUTCHours(),
  day: (time: Date) => time.getUTCDate(),
  week: weekOf,
  month: (time: Date) => time.getUTCMonth() + 1,
  year: (time: Date) => time.getUTCFullYear(),
} as const
export type TimePart = keyof typeof parts

const isoForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

/** Of Unix milliseconds, or of a time in RFC 3339; NaN of anything else. */
export function timePart(value: Scalar, part: TimePart): number {
  const ms = typeof value === 'string' && isoForm.test(value) ? Date.parse(value) : Number(value)
  return typeof value === 'boolean' || value === '' ? Number.NaN : parts[part](new Date(ms))
}

/** The week of a day is that of its Thursday, and the first week of a year has the year's first Thursday. */
function weekOf(time: Date): number {
  const thursday = new Date(time.getTime() + (3 - ((time.getUTCDay() + 6) % 7)) * dayMs)
  return 1 + Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / (7 * dayMs))
}

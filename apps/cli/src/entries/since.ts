// SPDX-License-Identifier: Apache-2.0

import type { Option } from '../command.ts'

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const ageForm = /^(\d{1,6})([smhd])$/
const timeForm = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?$/
/** As our own tables print it. */
const printedForm = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)( UTC)?$/

export type Instant = (nowMs: number) => string

/** An age (`10m`) or a time (RFC 3339, a date in UTC, or what our tables print); what it means depends on when it is asked. */
export const instant = (help: string): Option<Instant | undefined> => ({
  takes: 'TIME',
  help: `${help}: an age as 30s, 10m, 2h or 7d, or a time as 2026-01-31T08:00:00Z`,
  absent: undefined,
  read: (text) => {
    const age = ageForm.exec(text)
    if (age !== null) {
      const ms = Number(age[1]) * unitsMs[age[2] as keyof typeof unitsMs]
      return { value: (nowMs) => new Date(nowMs - ms).toISOString() }
    }
    const time = text.replace(printedForm, '$1T$2Z')
    const at = timeForm.test(time) ? Date.parse(time) : Number.NaN
    if (Number.isNaN(at)) return { mustBe: 'an age such as 10m, or a time such as 2026-01-31T08:00:00Z' }
    return { value: () => new Date(at).toISOString() }
  },
})

// SPDX-License-Identifier: Apache-2.0
// Of what somebody lets happen until a moment, and why.

import { type Option, text } from '../command.ts'
import { cliError } from '../errors.ts'

export const because = text({ takes: 'TEXT', help: 'Why, for the ledger; name nobody', required: true })

export function becauseOf(cause: string | undefined, attempted: string, example: string): string {
  if (cause !== undefined) return cause
  throw cliError('CLI_WHY', { attempted, advice: `Say why: --because "${example}"` })
}

const unitsMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A moment ahead; what it is depends on when it is asked. `most`: how far ahead it may be, in words. */
export const laterThan = (most: string): Option<((nowMs: number) => string) | undefined> => ({
  takes: 'TIME',
  help: `When it ends: 30m, 2h, 1d from now, or a time as 2026-11-23T12:00:00Z; ${most}`,
  required: true,
  absent: undefined,
  read: (given) => {
    const [, count, unit] = /^(\d{1,4})([mhd])$/.exec(given) ?? []
    if (count !== undefined) {
      const ms = Number(count) * unitsMs[unit as keyof typeof unitsMs]
      return { value: (nowMs) => new Date(nowMs + ms).toISOString() }
    }
    const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(given) && !Number.isNaN(Date.parse(given))
    return isTime ? { value: () => new Date(Date.parse(given)).toISOString() } : { mustBe: 'as 2h, 1d, or a time' }
  },
})

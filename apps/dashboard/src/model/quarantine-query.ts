// SPDX-License-Identifier: Apache-2.0
// What is asked for on the page of the quarantine, as the address of the page says it.

import { type Filter, isReason } from './quarantine.ts'

/** Members of the address. */
export const filterMembers = ['state', 'reason', 'key', 'producer', 'since', 'until'] as const
export type FilterMember = (typeof filterMembers)[number]
/** What stands in the address; of what is no such thing nothing. */
export type Asked = Readonly<Record<FilterMember, string>>
export type State = 'waiting' | 'admitted' | 'all'

export const stateOf = ({ state }: Asked): State => (state === 'admitted' || state === 'all' ? state : 'waiting')

export function askedIn(query: URLSearchParams): Asked {
  const of = (name: FilterMember) => query.get(name) ?? ''
  const time = (name: 'since' | 'until') => (timeForm.test(of(name)) ? of(name) : '')
  return {
    state: of('state'),
    reason: isReason(of('reason')) ? of('reason') : '',
    key: of('key').slice(0, nameMax),
    producer: of('producer').slice(0, nameMax),
    since: time('since'),
    until: time('until'),
  }
}
const nameMax = 128
const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/

/** As the API takes it: what is not asked for is left out. */
export function filterOf(asked: Asked): Filter {
  const { reason, key, producer, since, until } = asked
  const state = stateOf(asked)
  return {
    ...(state === 'all' ? {} : { state }),
    ...(isReason(reason) ? { reason } : {}),
    ...(key === '' ? {} : { key_id: key }),
    ...(producer === '' ? {} : { producer }),
    ...(since === '' ? {} : { since }),
    ...(until === '' ? {} : { until }),
  }
}

export const isNarrowed = (asked: Asked): boolean =>
  filterMembers.some((name) => name !== 'state' && asked[name] !== '')

const minuteMs = 60_000
const lengths: Readonly<Record<string, number>> = { min: minuteMs, h: 60 * minuteMs, d: 1_440 * minuteMs }

/**
 * A moment as people write it: "2026-11-22 08:00" (UTC), the same to the second, RFC 3339, or so long ago: "30 min", "2 h", "3 d".
 * Undefined: it is none of these. Of nothing, nothing.
 */
export function timeTyped(text: string, nowMs: number): string | undefined {
  const typed = text.trim()
  if (typed === '') return ''
  const [, count, unit = ''] = /^(\d{1,5}) ?(min|h|d)(?: ago)?$/.exec(typed) ?? []
  if (count !== undefined) return toSecond(nowMs - Number(count) * (lengths[unit] ?? 0))
  const [, day, clock, seconds = ':00'] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?)?(?:Z| ?UTC)?$/.exec(typed) ?? []
  if (day === undefined) return undefined
  const time = `${day}T${clock ?? '00:00'}${seconds}Z`
  // What no calendar has becomes another day, or none.
  const ms = Date.parse(time)
  return Number.isNaN(ms) || !toSecond(ms).startsWith(time.slice(0, 19)) ? undefined : time
}

const toSecond = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`
/** The end of what is of `seconds` from `at` on. */
export const endOf = (at: string, seconds: number): string => toSecond(Date.parse(at) + seconds * 1000)

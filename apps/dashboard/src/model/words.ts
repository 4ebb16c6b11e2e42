// SPDX-License-Identifier: Apache-2.0
// How things are said: times, counts, names of roles and actions.

export { roleTitle } from '@sealwatch/contract/role-title'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const units = [
  [day, 'd'],
  [hour, 'h'],
  [minute, 'min'],
  [second, 's'],
] as const

/** A length of time in its largest unit: "3 h". */
export function lengthOf(ms: number): string {
  const [size, name] = units.find(([size]) => ms >= size) ?? [second, 's']
  return `${Math.floor(Math.max(0, ms) / size)} ${name}`
}

/** To the second, for what is counted: "1 min 15 s"; of less than one, "less than 1 s". */
export function wholeLength(ms: number): string {
  if (ms < second) return 'less than 1 s'
  let left = ms
  const parts = units.flatMap(([size, name]) => {
    const count = Math.floor(left / size)
    left -= count * size
    return count === 0 ? [] : [`${count} ${name}`]
  })
  return parts.slice(0, 2).join(' ')
}

/** Against now: "now", "12 s ago", "in 3 d". */
export function relative(timeMs: number, nowMs: number): string {
  const past = nowMs - timeMs
  if (Math.abs(past) < second) return 'now'
  return past > 0 ? `${lengthOf(past)} ago` : `in ${lengthOf(-past)}`
}

/** The same everywhere, for everybody: "2026-11-21 12:00:05 UTC". */
export const absolute = (timeMs: number): string =>
  `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`

/** Of RFC 3339 with nanoseconds: "12:00:05". */
export const clockOf = (time: string): string => time.slice(11, 19)
/** "21 Nov". */
export const dayOf = (time: string): string =>
  new Date(time).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })

/** "12,345". */
export const counted = (count: number | bigint): string => count.toLocaleString('en')

/** Where there is little room: "1.2M". */
export const shortCount = (count: number): string =>
  count.toLocaleString('en', { notation: 'compact', maximumFractionDigits: 1 })

/** "1 host", "3 hosts". */
export const several = (count: number | bigint, one: string, more = `${one}s`): string =>
  `${counted(count)} ${Number(count) === 1 ? one : more}`

/** Actions are `noun:verb`; people look for the noun. */
export function byNoun(actions: readonly string[]): readonly { noun: string; actions: readonly string[] }[] {
  const groups = Map.groupBy(actions, (action) => action.split(':')[0] ?? action)
  return [...groups].map(([noun, of]) => ({ noun, actions: of }))
}
export const verbOf = (action: string): string => action.split(':')[1] ?? action

/** The first and last of what is too long to be read whole. */
export const shortHash = (hash: string, units = 8): string =>
  hash.length <= units * 2 + 1 ? hash : `${hash.slice(0, units)}…${hash.slice(-4)}`

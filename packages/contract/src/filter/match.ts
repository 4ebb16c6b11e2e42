// SPDX-License-Identifier: Apache-2.0

import { activityMeanings } from './fields.ts'
import type { Filter, Term, Value } from './filter.ts'

/** What a filter looks at. The last two cost something, and are asked for when they decide. */
export type FilterEntry = {
  readonly leaf: number
  readonly timeMs: number
  readonly kind: string
  readonly classUid: number | null
  readonly activityId: number | null
  readonly severityId: number | null
  /** The server wrote it itself. */
  readonly own: boolean
  /** Id and name of the host that sealed it, or that a finding is about. */
  hosts(): readonly string[]
  /** The line, in lower case. */
  text(): string
}

export type FilterMatch = (entry: FilterEntry) => boolean

/** A comparison with what an entry has not is false, and its `not` true. */
export function filterMatch(filter: Filter): FilterMatch {
  if (filter.is === 'term') return termMatch(filter)
  if (filter.is === 'not') {
    const part = filterMatch(filter.part)
    return (entry) => !part(entry)
  }
  const parts = filter.parts.map(filterMatch)
  return filter.is === 'and'
    ? (entry) => parts.every((part) => part(entry))
    : (entry) => parts.some((part) => part(entry))
}

function termMatch(term: Term): FilterMatch {
  const { field, operator, values } = term
  if (operator === '!=') {
    const same = termMatch({ ...term, operator: '=' })
    return (entry) => !same(entry)
  }
  switch (field) {
    case 'class':
      return has(({ classUid }) => classUid, term)
    case 'severity':
      return has(({ severityId }) => severityId, term)
    case 'time':
      return has(({ timeMs }) => timeMs, term)
    case 'leaf':
      return has(({ leaf }) => leaf, term)
    case 'kind':
      return has(({ kind }) => kind, term)
    case 'source':
      return has(({ own }) => (own ? 'server' : 'host'), term)
    case 'activity':
      return (entry) => values.some((value) => isActivity(entry, value))
    case 'host': {
      const wanted = values.map((value) => String(value).toLowerCase())
      const isWanted = (host: string) => (operator === '~' ? host.includes(wanted[0] as string) : wanted.includes(host))
      return (entry) => entry.hosts().some((host) => isWanted(host.toLowerCase()))
    }
    case 'text': {
      // As a line has it: within quotes of JSON.
      const needle = JSON.stringify(String(values[0])).slice(1, -1).toLowerCase()
      return (entry) => entry.text().includes(needle)
    }
  }
}

function isActivity({ classUid, activityId }: FilterEntry, value: Value): boolean {
  if (typeof value === 'number') return activityId === value
  const meanings = activityMeanings.get(value) ?? []
  return meanings.some((meant) => meant.classUid === classUid && meant.activityId === activityId)
}

function has(read: (entry: FilterEntry) => Value | null, { operator, values }: Term): FilterMatch {
  const [value] = values as readonly [Value]
  const wanted = new Set(values)
  switch (operator) {
    case '<':
      return (entry) => (read(entry) ?? Number.NaN) < value
    case '<=':
      return (entry) => (read(entry) ?? Number.NaN) <= value
    case '>':
      return (entry) => (read(entry) ?? Number.NaN) > value
    case '>=':
      return (entry) => (read(entry) ?? Number.NaN) >= value
    default:
      return (entry) => {
        const own = read(entry)
        return own !== null && wanted.has(own)
      }
  }
}

// SPDX-License-Identifier: Apache-2.0
// A policy as its author writes it.

import { recordMembers } from '@sealwatch/contract/policy'

export const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** What the API answers, without what the server added. */
export function textOf(record: Readonly<Record<string, unknown>>): string {
  const added: readonly string[] = recordMembers
  return pretty(ordered(Object.fromEntries(Object.entries(record).filter(([name]) => !added.includes(name)))))
}

/** What people look for first; the rest follows as it came. */
const first = ['type', 'id', 'name', 'description', 'enabled', 'hosts', 'kind', 'action', 'default', 'lists', 'rules']

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  const rank = (name: string) => (first.indexOf(name) + first.length + 1) % (first.length + 1)
  const members = Object.entries(value).map(([name, inner]) => [name, ordered(inner)] as const)
  return Object.fromEntries(members.toSorted(([a], [b]) => rank(a) - rank(b)))
}

/** Units of the text where a line begins; lines and columns are from 1. */
export function placeOf(text: string, line: number, column: number): number {
  const starts = text.split('\n').slice(0, line - 1)
  return starts.reduce((sum, one) => sum + one.length + 1, 0) + column - 1
}

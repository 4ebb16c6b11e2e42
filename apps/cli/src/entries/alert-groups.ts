// SPDX-License-Identifier: Apache-2.0

import { alikeWithinMs, likenessOf } from '@sealwatch/contract'
import type { ReadEntry } from './entry.ts'
import { memberAt } from './member.ts'

/** Alerts that are alike (docs/formats/event.md, 7.3), the oldest of the gravest and the newest of them. */
export type AlertGroup = { readonly first: ReadEntry; readonly last: ReadEntry; readonly times: number }

export type AlertGroups = {
  /** The next one, as the ledger has them: the group that it is in now, and those that nothing is added to any more. */
  take(entry: ReadEntry): { readonly group: AlertGroup; readonly closed: readonly AlertGroup[] }
  /** Those that were open still, in their order. */
  rest(): readonly AlertGroup[]
}

/** Groups that are open at once; with more the oldest is closed. */
const openMax = 10_000

export function createAlertGroups(): AlertGroups {
  const open = new Map<string, AlertGroup & { readonly sinceMs: number }>()
  return {
    take(entry) {
      // Not when it happened, which its host said, but when it was found.
      const ms = Number(memberAt(entry.event, 'time'))
      const key = likenessOf(entry.event) ?? `leaf ${entry.leafIndex}`
      const closed: AlertGroup[] = []
      for (const [like, group] of open) {
        if (ms - group.sinceMs <= alikeWithinMs && open.size < openMax) break
        open.delete(like)
        closed.push(group)
      }
      const { first, times, sinceMs } = open.get(key) ?? { first: entry, times: 0, sinceMs: ms }
      const group = { first: graverOf(first, entry), last: entry, times: times + 1, sinceMs }
      open.set(key, group)
      return { group, closed }
    },
    rest: () => [...open.values()],
  }
}

/** An incident rises. */
const graverOf = (first: ReadEntry, entry: ReadEntry): ReadEntry =>
  severityIdOf(entry) > severityIdOf(first) ? entry : first

const severityIdOf = ({ event }: ReadEntry): number => Number(memberAt(event, 'severity_id')) || 0

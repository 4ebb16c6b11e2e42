// SPDX-License-Identifier: Apache-2.0

import type { Ruleset } from '@sealwatch/detect'
import { eventFromIn, eventRow, type Lines, numbersPerEvent, type Placed } from '@sealwatch/ledger'
import type { RulesReader } from './rulebook.ts'

/** Of the leaves from where it was asked for up to `next`, all but the suspects are such that no rule fires for them. */
export type Glance = { readonly next: number; readonly suspects: readonly number[] }

/**
 * Looks at batches while the disk writes them, where they lie in memory. Whoever follows a ledger need not read from the
 * disk, line by line, what was passed over here. What is not kept is read: after a start, in a backlog, among suspects.
 */
export type Glances = {
  /** Looks at lines on their way into a tenant's ledger; to be told where they stand once they do. */
  look(tenant: string, lines: Lines): (placed: Placed) => void
  /** What this ruleset, and no other, found of the leaves from `from` on, once; undefined: they are to be read. */
  take(tenant: string, from: number, ruleset: Ruleset): Glance | undefined
  forget(tenant: string): void
}

/** Batches of a tenant whose follower is behind. */
const keptMax = 256
/** Of one batch: where there are more, they are better read together. */
const suspectsMax = 16

export function createGlances(rules: RulesReader): Glances {
  const kept = new Map<string, (Placed & Glance)[]>()
  /** By which all that is kept was found; it is not kept for that. */
  let by = new WeakRef(rules.ruleset)

  function knownBy(ruleset: Ruleset): typeof kept {
    if (by.deref() !== ruleset) {
      kept.clear()
      by = new WeakRef(ruleset)
    }
    return kept
  }

  function isSuspect({ mayFire }: Ruleset, { ndjson, rows, others }: Lines, i: number): boolean {
    const other = others.get(i)
    if (other !== undefined) return 'event' in other.line
    const from = eventFromIn(ndjson, rows[i * numbersPerEvent + eventRow.from] as number)
    return from < 0 || mayFire(ndjson, from)
  }

  return {
    look: (tenant, lines) => {
      const { ruleset } = rules
      const found: number[] = []
      for (let i = 0; i < lines.count && found.length <= suspectsMax; i += 1)
        if (isSuspect(ruleset, lines, i)) found.push(i)
      return ({ first, next }) => {
        // Another one came into force while the disk wrote.
        if (ruleset !== rules.ruleset) return
        const known = knownBy(ruleset)
        const batches = known.get(tenant) ?? []
        known.set(tenant, batches)
        if (batches.length === keptMax) batches.length = 0
        if (found.length <= suspectsMax) batches.push({ first, next, suspects: found.map((i) => first + i) })
      }
    },
    take: (tenant, from, ruleset) => {
      if (ruleset !== rules.ruleset) return undefined
      const batches = knownBy(ruleset).get(tenant) ?? []
      const passed = batches.findIndex((batch) => batch.next > from)
      batches.splice(0, passed < 0 ? batches.length : passed)
      let next = from
      const suspects: number[] = []
      for (let [batch] = batches; batch !== undefined && batch.first <= next; [batch] = batches) {
        suspects.push(...batch.suspects.filter((leaf) => leaf >= from))
        next = batch.next
        batches.shift()
      }
      return next === from ? undefined : { next, suspects }
    },
    forget: (tenant) => void kept.delete(tenant),
  }
}

// SPDX-License-Identifier: Apache-2.0

import type { ShedInput } from '../observe/loss.ts'
import type { Site } from '../sources/observation.ts'
import type { Sheddable } from './shed-order.ts'

/** What was shed: told of in records, and counted since the start. */
export type ShedTally = {
  /** `nowNs` is Unix time. */
  count(shed: Sheddable, nowNs: bigint): void
  /** Shed of an era's site, and not told yet. */
  untold(era: string, site: Site): number
  /** Nothing was shed since `tell`. */
  readonly isTold: boolean
  /** What is to be told now, and counts as told from now on. */
  tell(nowNs: bigint, queueDepth: number): ShedInput
  /** Since the start: kind, site and number. */
  readonly totals: readonly { readonly kind: string; readonly site: Site; readonly count: number }[]
  readonly total: number
}

export function createShedTally(): ShedTally {
  const totals = new Map<string, { kind: string; site: Site; count: number }>()
  let untold: { readonly shed: Sheddable; count: number }[] = []
  let sinceNs = 0n
  let total = 0

  const countOf = (holds: (shed: Sheddable) => boolean) =>
    untold.reduce((sum, { shed, count }) => (holds(shed) ? sum + count : sum), 0)

  return {
    count(shed, nowNs) {
      const { kind, site, era } = shed
      if (untold.length === 0) sinceNs = nowNs
      const row = untold.find((known) => known.shed.kind === kind && known.shed.site === site && known.shed.era === era)
      if (row === undefined) untold.push({ shed, count: 1 })
      else row.count += 1
      const sum = totals.get(`${kind} ${site}`) ?? { kind, site, count: 0 }
      sum.count += 1
      totals.set(`${kind} ${site}`, sum)
      total += 1
    },
    untold: (era, site) => countOf((shed) => shed.era === era && shed.site === site),
    get isTold() {
      return untold.length === 0
    },
    tell(nowNs, queueDepth) {
      const by = (name: (shed: Sheddable) => string) =>
        Object.fromEntries(untold.map(({ shed }) => [name(shed), countOf((other) => name(other) === name(shed))]))
      const told = { shed: by(({ kind }) => kind), sites: by(({ site }) => site) }
      untold = []
      return { fromNs: sinceNs, toNs: nowNs, queueDepth, ...told }
    },
    get totals() {
      return [...totals.values()]
    },
    get total() {
      return total
    },
  }
}

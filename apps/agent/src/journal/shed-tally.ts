// SPDX-License-Identifier: Apache-2.0

import type { ShedInput } from '../observe/loss.ts'
import type { Site } from '../sources/observation.ts'
import type { Sheddable } from './shed-order.ts'

/** What was shed: told of in records, and counted since the start. */
export type ShedTally = {
  count(shed: Sheddable): void
  /** Shed of an era's site, and not told yet. */
  untold(era: string, site: Site): number
  /** Unix nanoseconds of the earliest of it; undefined when all is told. */
  readonly untoldFromNs: bigint | undefined
  /** Nothing was shed since `tell`. */
  readonly isTold: boolean
  /** What is to be told now, from the earliest event on, and counts as told from now on. `nowNs` is Unix time. */
  tell(nowNs: bigint, queueDepth: number): ShedInput
  /** Since the start: kind, site and number. */
  readonly totals: readonly { readonly kind: string; readonly site: Site; readonly count: number }[]
  readonly total: number
}

export function createShedTally(): ShedTally {
  const totals = new Map<string, { kind: string; site: Site; count: number }>()
  let untold: { readonly shed: Sheddable; count: number }[] = []
  let fromNs: bigint | undefined
  let total = 0

  const countOf = (holds: (shed: Sheddable) => boolean) =>
    untold.reduce((sum, { shed, count }) => (holds(shed) ? sum + count : sum), 0)

  return {
    count(shed) {
      const { kind, site, era, timeNs } = shed
      if (fromNs === undefined || timeNs < fromNs) fromNs = timeNs
      const row = untold.find((known) => known.shed.kind === kind && known.shed.site === site && known.shed.era === era)
      if (row === undefined) untold.push({ shed, count: 1 })
      else row.count += 1
      const sum = totals.get(`${kind} ${site}`) ?? { kind, site, count: 0 }
      sum.count += 1
      totals.set(`${kind} ${site}`, sum)
      total += 1
    },
    untold: (era, site) => countOf((shed) => shed.era === era && shed.site === site),
    get untoldFromNs() {
      return fromNs
    },
    get isTold() {
      return untold.length === 0
    },
    tell(nowNs, queueDepth) {
      const by = (name: (shed: Sheddable) => string) =>
        Object.fromEntries(untold.map(({ shed }) => [name(shed), countOf((other) => name(other) === name(shed))]))
      const told = { shed: by(({ kind }) => kind), sites: by(({ site }) => site) }
      const interval = { fromNs: fromNs ?? nowNs, toNs: nowNs }
      untold = []
      fromNs = undefined
      return { ...interval, queueDepth, ...told }
    },
    get totals() {
      return [...totals.values()]
    },
    get total() {
      return total
    },
  }
}

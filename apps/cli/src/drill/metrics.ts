// SPDX-License-Identifier: Apache-2.0

import type { DrillRowCounts } from '@sealwatch/ledger'

/** The value of a series, of whichever other labels; the sum where there are several. Undefined: there is none. */
export function seriesIn(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  const values = text.split('\n').flatMap((line) => {
    const [whole, found, shown = '', value] = /^([a-z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    const has = shown.split(/,(?=[a-z_]+=")/)
    return whole !== undefined && found === name && wanted.every((one) => has.includes(one)) ? [Number(value)] : []
  })
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
}

export const rowCountsIn = (text: string, tenant: string): DrillRowCounts => {
  const of = (outcome: string) => seriesIn(text, `sealwatch_ingest_rows_${outcome}_total`, { tenant }) ?? 0
  const [received, admitted, quarantined] = [of('received'), of('admitted'), of('quarantined')]
  return { received, admitted, quarantined, refused: of('refused'), duplicate: of('duplicate') }
}

export const countsSince = (before: DrillRowCounts, now: DrillRowCounts): DrillRowCounts => ({
  received: now.received - before.received,
  admitted: now.admitted - before.admitted,
  quarantined: now.quarantined - before.quarantined,
  refused: now.refused - before.refused,
  duplicate: now.duplicate - before.duplicate,
})

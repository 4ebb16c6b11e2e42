// SPDX-License-Identifier: Apache-2.0

import { systemClock } from '@sealwatch/base'

/** One published number and the peer it is held against. Rates: more is better. */
export type Figure = {
  readonly name: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
  readonly peer: string
  readonly peer_median: number
  /** median / peer_median. */
  readonly ratio: number
}

/** Does the work once; returns how many units it did. */
export type Work = () => Promise<number>

export type Comparison = {
  readonly name: string
  readonly unit: string
  readonly runs: number
  /** Done ahead of each turn, on nobody's time. */
  readonly before?: () => Promise<void>
  readonly ours: Work
  readonly peer: string
  readonly theirs: Work
}

/** Ours and theirs take turns, so that what else the machine does hits both; a first turn of each is not counted. */
export async function compare({ name, unit, runs, before, ours, peer, theirs }: Comparison): Promise<Figure> {
  const rates: number[] = []
  const peerRates: number[] = []
  for (let run = 0; run <= runs; run += 1) {
    await before?.()
    const [rate, peerRate] = [await rateOf(ours), await rateOf(theirs)]
    if (run === 0) continue
    rates.push(rate)
    peerRates.push(peerRate)
  }
  const [median, peerMedian] = [medianOf(rates), medianOf(peerRates)]
  return {
    name,
    unit,
    median: Math.round(median),
    min: Math.round(Math.min(...rates)),
    max: Math.round(Math.max(...rates)),
    runs,
    peer,
    peer_median: Math.round(peerMedian),
    ratio: Number((median / peerMedian).toFixed(3)),
  }
}

async function rateOf(work: Work): Promise<number> {
  const startNs = systemClock.monotonicNs()
  const units = await work()
  return units / (Number(systemClock.monotonicNs() - startNs) / 1e9)
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

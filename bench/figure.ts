// SPDX-License-Identifier: Apache-2.0

import { systemClock } from '@sealwatch/base'

/** One published number, and the peer it is held against where there is one. */
export type Figure = {
  readonly name: string
  readonly unit: string
  readonly median: number
  readonly min: number
  readonly max: number
  readonly runs: number
  readonly peer?: string
  readonly peer_median?: number
  /** median / peer_median. */
  readonly ratio?: number
}

/** Does the work once; returns how many units it did, and the seconds where it measured them itself. */
export type Work = () => Promise<number | { readonly units: number; readonly seconds: number }>
/** Of work that takes its own time, in seconds. */
export const timed =
  (units: number, work: () => number): Work =>
  async () => ({ units, seconds: work() })

export type Peer = { readonly name: string; readonly work: Work }

export type Comparison = {
  readonly name: string
  readonly unit: string
  readonly runs: number
  /** Done ahead of each turn, on nobody's time. */
  readonly before?: () => Promise<void>
  readonly ours: Work
  readonly peers: readonly Peer[]
}

/** The same with the one peer that there is. */
export async function compare({
  peer,
  theirs,
  ...rest
}: Omit<Comparison, 'peers'> & { readonly peer: string; readonly theirs: Work }): Promise<Figure> {
  for await (const figure of compareAll({ ...rest, peers: [{ name: peer, work: theirs }] })) return figure
  throw new RangeError(`${rest.name} has no figure`)
}

/** A figure for each peer. All take turns, so that what else the machine does hits all; a first turn of each is not counted. */
export async function* compareAll({ name, unit, runs, before, ours, peers }: Comparison): AsyncGenerator<Figure> {
  const rates: number[] = []
  const peerRates = peers.map((): number[] => [])
  for (let run = 0; run <= runs; run += 1) {
    await before?.()
    const rate = await rateOf(ours)
    if (run > 0) rates.push(rate)
    for (const [i, { work }] of peers.entries()) {
      const peerRate = await rateOf(work)
      if (run > 0) peerRates[i]?.push(peerRate)
    }
  }
  const figure = figureOf(name, unit, rates)
  if (peers.length === 0) yield figure
  for (const [i, peer] of peers.entries()) {
    const peerMedian = medianOf(peerRates[i] as number[])
    const ratio = Number((medianOf(rates) / peerMedian).toFixed(3))
    yield { ...figure, peer: peer.name, peer_median: round(peerMedian), ratio }
  }
}

export function figureOf(name: string, unit: string, values: readonly number[]): Figure {
  const median = round(medianOf(values))
  return { name, unit, median, min: round(Math.min(...values)), max: round(Math.max(...values)), runs: values.length }
}

const round = (value: number) => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)))

async function rateOf(work: Work): Promise<number> {
  const startNs = systemClock.monotonicNs()
  const done = await work()
  if (typeof done !== 'number') return done.units / done.seconds
  return done / secondsSince(startNs)
}

export const secondsSince = (startNs: bigint) => Number(systemClock.monotonicNs() - startNs) / 1e9

export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5)
}

/** Of values in any order; between two of them, the way between. */
export function quantileOf(values: readonly number[], quantile: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * quantile
  const [below, above] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number]
  return below + (above - below) * (place - Math.floor(place))
}

// SPDX-License-Identifier: Apache-2.0
// What a row learns of one request. Logarithms, for what is twice as much is as unusual for who asks little as for who asks much.

import { behaviourLimits } from './limits.ts'
import {
  hourByte,
  hourOfWeek,
  hoursOfWeek,
  novelties,
  place,
  routeBits,
  routesOf,
  routeWords,
  type Slab,
  spanPlace,
  spanWords,
} from './row.ts'

export const spans = [
  { name: 'minute', ms: 60_000 },
  { name: 'hour', ms: 3_600_000 },
  { name: 'day', ms: 86_400_000 },
] as const
const hourSpan = 1

/** What a request is made of, as hashes; 0: not known. In the order of `novelties`. */
export type Traits = Uint32Array<ArrayBuffer>

/** So many periods, and so many requests, what is learned goes back, roughly. */
const window = { periods: 64, failedLately: 16, failedUsually: 512, novelty: 256 } as const
/** From so many periods on one period moves the mean by no more than three deviations, or a factor of four, would. */
const settledPeriods = 8
const deviationsMax = 3
const factorMax = Math.log(4)
/** An hour that comes each week is full after sixteen weeks; then all are halved. */
const hourStep = 16
const countMax = 0xffff_ffff

export function learn(slab: Slab, row: number, traits: Traits, failed: boolean, timeMs: number): void {
  const { words, reals } = slab
  const seen = words[row + place.seen] as number
  for (let span = 0; span < spans.length; span += 1) countIn(slab, row, span, timeMs, seen === 0)
  if (seen < countMax) words[row + place.seen] = seen + 1

  follow(reals, row + place.failedLately, failed, Math.max(1 / (seen + 1), 1 / window.failedLately))
  follow(reals, row + place.failedUsually, failed, Math.max(1 / (seen + 1), 1 / window.failedUsually))
  const noveltyStep = Math.max(1 / (seen + 1), 1 / window.novelty)
  for (let kind = 0; kind < novelties.length; kind += 1) {
    const hash = traits[kind] as number
    if (hash === 0) continue
    const { at, known } = novelties[kind] as (typeof novelties)[number]
    follow(reals, row + place.novelty + kind, !touch(words, row + at, known, hash), noveltyStep)
  }
  const route = (traits[2] as number) % routeBits
  const word = row + place.routeBits + (route >>> 5)
  if (traits[2] !== 0) words[word] = (words[word] as number) | (1 << (route & 31))
}

function follow(reals: Float32Array, at: number, is: boolean, step: number): void {
  const known = reals[at] as number
  reals[at] = known + step * ((is ? 1 : 0) - known)
}

/** Puts it first; whether it was there. */
function touch(words: Uint32Array, from: number, length: number, hash: number): boolean {
  let at = 0
  while (at < length - 1 && words[from + at] !== hash) at += 1
  const was = words[from + at] === hash
  for (; at > 0; at -= 1) words[from + at] = words[from + at - 1] as number
  words[from] = hash
  return was
}

/**
 * A period that is over is learned from when the next one begins. Where time goes back, whoever set the clock is believed:
 * what was counted is dropped, and the period that begins so, which is a part of one, is not learned from either. So a clock
 * that jumps ahead and back, or to and fro, teaches nothing.
 */
function countIn(slab: Slab, row: number, span: number, timeMs: number, isFirst: boolean): void {
  const { words, halves } = slab
  const { ms } = spans[span] as (typeof spans)[number]
  const at = row + place.spans + span * spanWords
  const period = Math.floor(timeMs / ms)
  const current = words[at + spanPlace.period] as number
  const isLate = period < current && timeMs >= current * ms - behaviourLimits.lateMsMax
  if (!isFirst && (period === current || isLate)) {
    if ((words[at + spanPlace.count] as number) < countMax)
      words[at + spanPlace.count] = (words[at + spanPlace.count] as number) + 1
    return
  }
  const jumped = 2 * (at + spanPlace.periods) + 1
  const goesBack = !isFirst && period < current
  if (!isFirst && !goesBack && halves[jumped] === 0) learnPeriod(slab, row, span, at)
  words[at + spanPlace.period] = period
  words[at + spanPlace.count] = 1
  halves[jumped] = goesBack ? 1 : 0
  if (span === hourSpan) words.fill(0, row + place.routeBits, row + place.routeBits + routeWords)
}

function learnPeriod(slab: Slab, row: number, span: number, at: number): void {
  const { words, halves, reals, bytes } = slab
  const periods = halves[2 * (at + spanPlace.periods)] as number
  learnLog(reals, at + spanPlace.mean, words[at + spanPlace.count] as number, periods)
  if (span === hourSpan) {
    learnLog(reals, row + place.routesMean, routesOf(slab, row), periods)
    rememberHour(bytes, row, words[at + spanPlace.period] as number)
  }
  if (periods < 0xffff) halves[2 * (at + spanPlace.periods)] = periods + 1
}

/** The variance stands behind the mean. */
function learnLog(reals: Float32Array, meanAt: number, count: number, periods: number): void {
  const step = Math.max(1 / (periods + 1), 1 / window.periods)
  const mean = reals[meanAt] as number
  const variance = reals[meanAt + 1] as number
  const apart = Math.log(Math.max(1, count)) - mean
  const most =
    periods < settledPeriods ? Number.POSITIVE_INFINITY : Math.max(deviationsMax * Math.sqrt(variance), factorMax)
  const moved = Math.min(most, Math.max(-most, apart))
  reals[meanAt] = mean + step * moved
  reals[meanAt + 1] = (1 - step) * (variance + step * moved * moved)
}

function rememberHour(bytes: Uint8Array, row: number, hour: number): void {
  const at = hourByte(row, hourOfWeek(hour))
  if ((bytes[at] as number) + hourStep > 255)
    for (let each = hourByte(row, 0); each < hourByte(row, hoursOfWeek); each += 1)
      bytes[each] = (bytes[each] as number) >>> 1
  bytes[at] = (bytes[at] as number) + hourStep
}

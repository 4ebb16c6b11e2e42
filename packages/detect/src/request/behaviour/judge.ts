// SPDX-License-Identifier: Apache-2.0
// How unusual a request is for whoever sends it, each way by itself and in words. What little is known counts little.

import { spans, type Traits } from './learn.ts'
import {
  hourByte,
  hourOfWeek,
  hoursOfWeek,
  isKnown,
  novelties,
  place,
  routesMost,
  routesOf,
  type Slab,
  spanPlace,
  spanWords,
} from './row.ts'

/** What is looked at, as reasons and exceptions name it. */
export const behaviourFeatures = ['rate', 'errors', 'routes', 'hour', 'network', 'agent', 'route'] as const
export type Feature = (typeof behaviourFeatures)[number]
export type BehaviourReason = {
  readonly subject: 'user' | 'tenant'
  readonly feature: Feature
  /** From 0 to 1. */
  readonly score: number
  /** What there is, and what is usual. */
  readonly words: string
}
/** Reasons below are not told, and do not count. */
const scoreMin = 0.05
/** What is known after so many periods, hours or requests is half of what can be. */
const halfKnown = { periods: 8, hours: 24, requests: 50 } as const
/** The most that each can say by itself. */
const most = { rate: 0.95, errors: 0.7, routes: 0.8, hour: 0.25, network: 0.4, agent: 0.3, route: 0.1 } as const
/** Below these, nothing is too much of something: of a span's requests, of an hour's routes, of the latest requests that failed. */
const atLeast = { minute: 20, hour: 100, day: 500, routes: 30, failed: 0.2 } as const
const deviationMin = 0.35
/** Eight periods of ten lie within so many deviations. */
const usualDeviations = 1.28
/** Requests among the latest, by what they weigh. */
const latelyRequests = 31

export const confidenceOf = ({ words }: Slab, row: number): number =>
  known(words[row + place.seen] as number, halfKnown.requests)
const known = (count: number, half: number) => count / (count + half)

/** Of a user; `traits` and `timeMs` of the request that is judged, which is not learned yet. */
export function judgeUser(slab: Slab, row: number, traits: Traits, timeMs: number): BehaviourReason[] {
  const own = novelties.map((kind, at) => noveltyOf(slab, row, kind, at, traits[at] as number))
  return told('user', [...commonOf(slab, row, timeMs), ...own])
}

/** Of a tenant, whose networks, agents and routes are too many to be known. */
export const judgeTenant = (slab: Slab, row: number, timeMs: number): BehaviourReason[] =>
  told('tenant', commonOf(slab, row, timeMs))

type Found = Omit<BehaviourReason, 'subject'> | undefined

const told = (subject: 'user' | 'tenant', found: readonly Found[]): BehaviourReason[] =>
  found.flatMap((reason) => (reason === undefined || reason.score < scoreMin ? [] : [{ subject, ...reason }]))

const commonOf = (slab: Slab, row: number, timeMs: number): Found[] => [
  rateOf(slab, row, timeMs),
  errorsOf(slab, row),
  distinctOf(slab, row, timeMs),
  hourOf(slab, row, timeMs),
]

/** From three deviations above the mean on: half of it at four and a half, nearly all at ten. */
const above = (deviations: number) => 1 - Math.exp(-Math.max(0, deviations - 3) / 2)

/** Of the span in which it is most unusual. */
function rateOf(slab: Slab, row: number, timeMs: number): Found {
  let worst: Found
  for (const [span, { name, ms }] of spans.entries()) {
    const at = row + place.spans + span * spanWords
    const isCurrent = slab.words[at + spanPlace.period] === Math.floor(timeMs / ms)
    const count = 1 + (isCurrent ? (slab.words[at + spanPlace.count] as number) : 0)
    if (count < atLeast[name]) continue
    const { score, usual } = unusual(slab, at + spanPlace.mean, at, count)
    if (score * most.rate <= (worst?.score ?? 0)) continue
    worst = {
      feature: 'rate',
      score: score * most.rate,
      words: `${count} requests in this ${name}; usually ${usual}`,
    }
  }
  return worst
}

function distinctOf(slab: Slab, row: number, timeMs: number): Found {
  const at = row + place.spans + spanWords
  if (slab.words[at + spanPlace.period] !== Math.floor(timeMs / 3_600_000)) return undefined
  const count = routesOf(slab, row)
  if (count < atLeast.routes) return undefined
  const { score, usual } = unusual(slab, row + place.routesMean, at, count)
  const many = count < routesMost ? `about ${count}` : 'more than 1,000'
  const words = `${many} different routes in this hour; usually ${usual}`
  return { feature: 'routes', score: score * most.routes, words }
}

function unusual({ reals, halves }: Slab, meanAt: number, spanAt: number, count: number) {
  const mean = reals[meanAt] as number
  const deviation = Math.max(deviationMin, Math.sqrt(reals[meanAt + 1] as number))
  const confidence = known(halves[2 * (spanAt + spanPlace.periods)] as number, halfKnown.periods)
  const [from, to] = [-1, 1].map((side) => Math.max(1, Math.round(Math.exp(mean + side * usualDeviations * deviation))))
  const score = confidence * above((Math.log(count) - mean) / deviation)
  return { score, usual: from === to ? `${from}` : `${from} to ${to}` }
}

const percent = (share: number) => `${Math.round(100 * share)} %`

function errorsOf({ reals, words }: Slab, row: number): Found {
  const [lately, usually] = [reals[row + place.failedLately] as number, reals[row + place.failedUsually] as number]
  if (lately < atLeast.failed) return undefined
  const deviation = Math.sqrt(Math.max(usually * (1 - usually), 0.02) / latelyRequests)
  const confidence = known(words[row + place.seen] as number, halfKnown.requests)
  return {
    feature: 'errors',
    score: most.errors * confidence * above((lately - usually) / deviation),
    words: `${percent(lately)} of the latest requests failed; usually ${percent(usually)}`,
  }
}

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const

/** The hour itself and those beside it count whole, the same three of other days a quarter. */
function hourOf(slab: Slab, row: number, timeMs: number): Found {
  const hour = hourOfWeek(Math.floor(timeMs / 3_600_000))
  const at = row + place.spans + spanWords
  const hours = slab.halves[2 * (at + spanPlace.periods)] as number
  if (hours === 0) return undefined
  let [near, all] = [0, 0]
  for (let each = 0; each < hoursOfWeek; each += 1) {
    const value = slab.bytes[hourByte(row, each)] as number
    all += value
    const apart = Math.abs(((each - hour + hoursOfWeek + 12) % 24) - 12)
    if (apart <= 1) near += isBeside(each, hour) ? value : value / 4
  }
  const share = all === 0 ? 0 : near / all
  // Who is there at all hours has this share near each.
  const even = (3 + 18 / 4) / hoursOfWeek
  const name = `${days[Math.floor(hour / 24)]} ${String(hour % 24).padStart(2, '0')}:00 UTC`
  return {
    feature: 'hour',
    score: most.hour * known(hours, halfKnown.hours) * Math.max(0, 1 - (2 * share) / even),
    words: `on ${name}; ${percent(share)} of ${hours} hours with requests were near that time`,
  }
}

/** Around the week. */
const isBeside = (one: number, other: number) => Math.abs(one - other) <= 1 || Math.abs(one - other) >= hoursOfWeek - 1

function noveltyOf(slab: Slab, row: number, kind: (typeof novelties)[number], at: number, hash: number): Found {
  // Where none is known, none was told until now.
  if (hash === 0 || slab.words[row + kind.at] === 0 || isKnown(slab, row, kind, hash)) return undefined
  const seen = slab.words[row + place.seen] as number
  const novelty = slab.reals[row + place.novelty + at] as number
  // Which one that is stands in no reason: it is about a person.
  const what = kind.name === 'network' ? 'from this network' : `with this ${kind.name}`
  return {
    feature: kind.name,
    // Where one request of ten brings something new, that says nothing.
    score: most[kind.name] * known(seen, halfKnown.requests) * Math.max(0, 1 - 10 * novelty),
    words: `the first of ${seen + 1} requests ${what}; ${percent(novelty)} of them brought a new ${kind.name}`,
  }
}

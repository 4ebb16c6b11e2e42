// SPDX-License-Identifier: Apache-2.0
// What the guard has said of what the agent hears, too: an act that an incident tells is no second alert.

import { type Clock, createBell } from '@sealwatch/base'
import { keyOf } from '../guard/act.ts'
import { memoryPidOf } from '../guard/memory-path.ts'
import { type Observation, type SensorMessage, targetOf } from '../sources/observation.ts'
import type { Judged, JudgedAct, Protects } from './messages.ts'

export type GuardWord = {
  protects(all: Protects): void
  judged(judged: Judged): void
  /** It is away: whom it protected nobody knows to be. */
  away(): void
  /** Resolves once the guard has judged what of this concerns those whom it protects, or takes too long for it. */
  heard(messages: readonly SensorMessage[]): Promise<void>
  /** Id of the incident, or of the allowance, that tells this act; undefined: none that anybody knows of. */
  on(observation: Observation): string | undefined
}

const endOf = (message: SensorMessage): bigint =>
  ('again' in message ? message.again?.lastNs : undefined) ?? message.timeNs

type Span = { readonly fromNs: bigint; readonly toNs: bigint; readonly by: string }

export const guardWordLimits = {
  /**
   * The guard hears of an act before the agent does, and says what it made of it within milliseconds; on a machine that has too much to do
   * within seconds, in which each act that is not waited for would be one alert more.
   */
  patienceMs: 2_000,
  /** The oldest are forgotten beyond this. */
  actsMax: 4_096,
} as const

/** Who did what to whom. */
const actOf = (observation: Observation): string => {
  const aim = targetOf(observation)
  return [observation.kind, observation.actor.pid, ...(aim === undefined ? [] : [keyOf(aim)])].join(' ')
}

/**
 * What tells an act, and all that are equal to it and were read with it. The sensor tells guard and agent of each in the same bytes, but what
 * the one reads at once the other may read in pieces: of the first alone the agent would not know the rest.
 */
export const judgedAct = (observation: Observation, by: string): JudgedAct => {
  const { timeNs, again } = observation
  return [actOf(observation), String(timeNs), String(again?.lastNs ?? timeNs), by]
}

export function createGuardWord(clock: Clock): GuardWord {
  const { patienceMs, actsMax } = guardWordLimits
  const acts = new Map<string, Span[]>()
  /** Whose spans they are, in the order in which they came. */
  const order: string[] = []
  const said = createBell()
  let guarded: ReadonlySet<string> = new Set()
  let guardedPids: ReadonlySet<number> = new Set()
  let guardedPaths: ReadonlySet<string> = new Set()
  let untilNs = 0n
  /** One that did not answer in time is not waited for again until it says something. */
  let isLate = false

  function keep(act: string, span: Span): void {
    const spans = acts.get(act) ?? []
    acts.set(act, spans)
    spans.push(span)
    order.push(act)
    if (order.length <= actsMax) return
    const oldest = order.shift() as string
    const left = acts.get(oldest)
    left?.shift()
    if (left?.length === 0) acts.delete(oldest)
  }

  function concerns(message: SensorMessage): boolean {
    if (guarded.size === 0) return false
    if (message.kind === 'file_open' || message.kind === 'file_change') return guardedPaths.has(message.watched)
    if (message.kind === 'passed') return guardedPids.has(memoryPidOf(message.path) ?? 0)
    if (message.kind === 'reach' && guardedPids.has(memoryPidOf(message.taken) ?? 0)) return true
    const aim = targetOf(message)
    return aim !== undefined && guarded.has(keyOf(aim))
  }

  return {
    protects: ({ processes, paths }) => {
      guarded = new Set(processes)
      guardedPaths = new Set(paths)
      guardedPids = new Set(processes.map((key) => Number(key.split(':')[0])))
      said.ring()
    },
    judged: ({ untilNs: next, acts: more }) => {
      isLate = false
      if (BigInt(next) > untilNs) untilNs = BigInt(next)
      for (const [act, fromNs, toNs, by] of more) keep(act, { fromNs: BigInt(fromNs), toNs: BigInt(toNs), by })
      said.ring()
    },
    away: () => {
      guarded = new Set()
      said.ring()
    },
    heard: async (messages) => {
      const lastNs = messages.reduce((last, one) => (concerns(one) && endOf(one) > last ? endOf(one) : last), 0n)
      const over = new AbortController()
      const late =
        lastNs === 0n || isLate ? undefined : clock.sleep(patienceMs, over.signal).then(() => 'late' as const)
      while (late !== undefined && guarded.size > 0 && untilNs < lastNs) {
        isLate = (await Promise.race([said.wait(over.signal), late])) === 'late'
        if (isLate) break
      }
      over.abort('heard')
    },
    on: (observation) => {
      const { timeNs } = observation
      return acts.get(actOf(observation))?.findLast(({ fromNs, toNs }) => fromNs <= timeNs && timeNs <= toNs)?.by
    },
  }
}

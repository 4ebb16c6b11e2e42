// SPDX-License-Identifier: Apache-2.0

import type { Allowance } from '@sealwatch/contract/guard-config'
import { type Act, nameOf } from './act.ts'

/**
 * Whom somebody let, until a moment. `hostMntNs`: a path means something in the machine's own mount namespace alone; elsewhere
 * anybody may have given it to a program of theirs. What is handed on to others nobody allowed; a child that runs the same program is no other.
 */
export function allowanceOf(
  act: Act,
  {
    allow,
    nowMs,
    hostMntNs,
    userName,
  }: {
    readonly allow: readonly Allowance[]
    readonly nowMs: number
    readonly hostMntNs: number
    readonly userName: (uid: number) => string | undefined
  },
): Allowance | undefined {
  const { actor, aim, reader, isInherited } = act
  if (reader !== undefined && isInherited !== true) return undefined
  return allow.find(
    ({ exe, uid, user, target, until }) =>
      nowMs < Date.parse(until) &&
      (exe !== undefined || uid !== undefined || user !== undefined) &&
      (exe === undefined || (exe === actor.exe && actor.mntNs === hostMntNs)) &&
      (uid === undefined || uid === actor.uid) &&
      (user === undefined || user === userName(actor.uid)) &&
      (target === undefined || (aim !== 'machine' && target === aim.name)),
  )
}

/** Acts that an allowance let, since it was told last. */
export type Allowed = { readonly allowance: Allowance; readonly act: Act; readonly times: number }

export type AllowedTally = {
  /** The first is told at once; undefined: it is counted. */
  take(allowance: Allowance, act: Act, nowNs: bigint): Allowed | undefined
  /** What was counted and is due. */
  tick(nowNs: bigint): Allowed[]
}

export const allowedLimits = {
  everyNs: 60_000_000_000n,
  /** Pairs of an allowance and what it let somebody reach; the longest untouched are told and forgotten beyond. */
  pairsMax: 1_024,
} as const

export function createAllowedTally(
  limits: { readonly everyNs: bigint; readonly pairsMax: number } = allowedLimits,
): AllowedTally {
  const pairs = new Map<string, { allowance: Allowance; act: Act; times: number; toldNs: bigint }>()
  return {
    take(allowance, act, nowNs) {
      const key = `${allowance.id} ${nameOf(act.aim)}`
      const known = pairs.get(key)
      if (known === undefined) {
        if (pairs.size >= limits.pairsMax) pairs.delete(pairs.keys().next().value as string)
        pairs.set(key, { allowance, act, times: 0, toldNs: nowNs })
        return { allowance, act, times: act.times }
      }
      known.act = act
      known.times += act.times
      return undefined
    },
    tick(nowNs) {
      const due: Allowed[] = []
      for (const [key, pair] of pairs) {
        if (nowNs - pair.toldNs < limits.everyNs) continue
        if (pair.times > 0) due.push({ allowance: pair.allowance, act: pair.act, times: pair.times })
        if (pair.times === 0) pairs.delete(key)
        pair.times = 0
        pair.toldNs = nowNs
      }
      return due
    },
  }
}

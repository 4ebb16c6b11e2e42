// SPDX-License-Identifier: Apache-2.0

import type { Clock } from './clock.ts'

/** How often each of many may do something. */
export type Rate = {
  /** Takes as many turns, or none; returns 0 when they may be had now, else the milliseconds until they may. At most `burst`. */
  take(key: string, turns?: number): number
  /** The same, and takes none. */
  wait(key: string, turns?: number): number
}

export type RateLimits = {
  readonly perSecond: number
  /** Turns that may be had at once after a rest. */
  readonly burst: number
  /** Keys that are remembered; the one that was quiet longest is forgotten first. */
  readonly keysMax: number
}

/** What was quiet long enough may have `burst` turns at once; beyond them one each `1 / perSecond` seconds. */
export function createRate(clock: Clock, { perSecond, burst, keysMax }: RateLimits): Rate {
  const stepNs = BigInt(Math.round(1e9 / perSecond))
  /** When all turns of a key that were had will have been earned (GCRA, ITU-T I.371). */
  const earnedNs = new Map<string, bigint>()
  function wait(key: string, turns = 1): number {
    const nowNs = clock.monotonicNs()
    const fromNs = earnedNs.get(key) ?? nowNs
    const waitNs = (fromNs > nowNs ? fromNs : nowNs) - stepNs * BigInt(burst - turns) - nowNs
    return waitNs > 0n ? Number((waitNs + 999_999n) / 1_000_000n) : 0
  }

  return {
    wait,
    take: (key, turns = 1) => {
      const waitMs = wait(key, turns)
      const nowNs = clock.monotonicNs()
      const known = earnedNs.get(key) ?? nowNs
      const isRested = known <= nowNs
      const had = waitMs > 0 ? 0n : stepNs * BigInt(turns)
      earnedNs.delete(key)
      earnedNs.set(key, (isRested ? nowNs : known) + had)
      for (const oldest of earnedNs.keys()) {
        if (earnedNs.size <= keysMax) break
        earnedNs.delete(oldest)
      }
      return waitMs
    },
  }
}

/** Whom an address stands for: itself, and in IPv6 its /64, all of which one subscriber commonly has. */
export function clientOf(address: string | undefined): string {
  const text = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '').split('%')[0] as string
  if (!text.includes(':')) return text
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

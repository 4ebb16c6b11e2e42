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
  /** Keys that are remembered; the one that was quiet longest, to a second, is forgotten first. */
  readonly keysMax: number
}

/**
 * How long a key that is asked for may keep its place among those to forget. Each deletion from a map in use leaves a piece
 * of its table to the next full collection: not one for each request, then.
 */
const placedNs = 1_000_000_000n

type Bucket = {
  /** When all turns that were had will have been earned (GCRA, ITU-T I.371). */
  earnedNs: bigint
  placedNs: bigint
}

/** What was quiet long enough may have `burst` turns at once; beyond them one each `1 / perSecond` seconds. */
export function createRate(clock: Clock, { perSecond, burst, keysMax }: RateLimits): Rate {
  const stepNs = BigInt(Math.round(1e9 / perSecond))
  const buckets = new Map<string, Bucket>()
  function wait(key: string, turns = 1): number {
    const nowNs = clock.monotonicNs()
    const fromNs = buckets.get(key)?.earnedNs ?? nowNs
    const waitNs = (fromNs > nowNs ? fromNs : nowNs) - stepNs * BigInt(burst - turns) - nowNs
    return waitNs > 0n ? Number((waitNs + 999_999n) / 1_000_000n) : 0
  }
  function place(key: string, nowNs: bigint): Bucket {
    const known = buckets.get(key)
    if (known !== undefined && nowNs - known.placedNs < placedNs) return known
    const bucket = known ?? { earnedNs: nowNs, placedNs: nowNs }
    bucket.placedNs = nowNs
    buckets.delete(key)
    buckets.set(key, bucket)
    for (const oldest of buckets.keys()) {
      if (buckets.size <= keysMax) break
      buckets.delete(oldest)
    }
    return bucket
  }

  return {
    wait,
    take: (key, turns = 1) => {
      const waitMs = wait(key, turns)
      const nowNs = clock.monotonicNs()
      const bucket = place(key, nowNs)
      const fromNs = bucket.earnedNs > nowNs ? bucket.earnedNs : nowNs
      bucket.earnedNs = fromNs + (waitMs > 0 ? 0n : stepNs * BigInt(turns))
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

// SPDX-License-Identifier: Apache-2.0

import { type Clock, createRate, createTurns } from '@sealwatch/base'
import { ruleError } from '../errors.ts'

/** Who has requests judged: a service that asks what to make of one, or a proxy that holds one. */
export type Door = 'service' | 'proxy'

/** Of one tenant. Strangers keep its services and proxies busy: neither the other, nor the rest of its API, waits for that. */
export const boundsOf = {
  service: { perSecond: 1_000, kibPerSecond: 4_096, atOnceMax: 128 },
  proxy: { perSecond: 2_000, kibPerSecond: 4_096, atOnceMax: 256 },
} as const satisfies Record<Door, object>
const tenantsMax = 10_000
const beforeNextMs = 1_000
const KiB = 1_024

export type Bounds = {
  /** A turn for a request whose body has so many bytes; to be called when it is answered. Throws REQUESTS_LIMITED. */
  enter(tenant: string, door: Door, bytes?: number): () => void
  /** Requests that were not let in. */
  readonly limited: Readonly<Record<Door, number>>
}

export function createBounds(clock: Clock): Bounds {
  const limited = { service: 0, proxy: 0 }
  const rate = (perSecond: number) => createRate(clock, { perSecond, burst: perSecond, keysMax: tenantsMax })
  const doorOf = (door: Door) => {
    const { perSecond, kibPerSecond, atOnceMax } = boundsOf[door]
    return { asked: rate(perSecond), bodies: rate(kibPerSecond), turns: createTurns(), atOnceMax }
  }
  const doors = { service: doorOf('service'), proxy: doorOf('proxy') }
  return {
    limited,
    enter(tenant, door, bytes = 0) {
      const { asked, bodies, turns, atOnceMax } = doors[door]
      const leave = turns.enter(tenant, atOnceMax)
      const waitMs =
        leave === undefined ? beforeNextMs : asked.take(tenant) || bodies.take(tenant, Math.ceil(bytes / KiB))
      if (leave !== undefined && waitMs === 0) return leave
      leave?.()
      limited[door] += 1
      throw ruleError('REQUESTS_LIMITED', { attempted: 'judging a request', waitMs })
    },
  }
}

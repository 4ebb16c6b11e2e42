// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import { createLineQuota } from '../line-quota.ts'

const MiB = 1024 * 1024
/** Of a tenant's services: payload bytes that are read and not settled, requests under way, and payload bytes a second. */
export const rowRoomMax = { bytes: 16 * MiB, requests: 16, bytesPerSecond: 16 * MiB } as const
/** Ids that no index has yet, of all tenants. */
export const idsUnderWayMax = 100_000

/** Keeps the services of one tenant from taking what those of the others need. */
export function createRowRoom(clock: Clock, max: typeof rowRoomMax = rowRoomMax) {
  const held = new Map<string, { bytes: number; requests: number }>()
  const quota = createLineQuota(clock)
  return {
    /** What is called when the request is settled; or the seconds until it may come again. */
    enter(tenant: string, bytes: number): (() => void) | { readonly retryAfter: number } {
      const now = held.get(tenant) ?? { bytes: 0, requests: 0 }
      if (now.requests >= max.requests || (now.requests > 0 && now.bytes + bytes > max.bytes)) return { retryAfter: 1 }
      const waitMs = quota.take(tenant, max.bytesPerSecond, bytes)
      if (waitMs > 0) return { retryAfter: Math.ceil(waitMs / 1000) }
      now.bytes += bytes
      now.requests += 1
      held.set(tenant, now)
      return () => {
        now.bytes -= bytes
        now.requests -= 1
        if (now.requests === 0) held.delete(tenant)
      }
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import { type Clock, createTurns } from '@sealwatch/base'
import type { SignedRows } from '@sealwatch/contract'
import { createLineQuota } from '../line-quota.ts'
import type { Service } from './rows.ts'

const MiB = 1024 * 1024
/** What is read and not settled, requests under way, and what comes in a second: of one service, and of all of a tenant. */
export const rowRoomMax = {
  service: { bytes: 4 * MiB, requests: 4, bytesPerSecond: 8 * MiB },
  tenant: { bytes: 16 * MiB, requests: 1024, bytesPerSecond: 16 * MiB },
} as const
/** Ids that no index has yet, of all tenants. */
export const idsUnderWayMax = 100_000

/** A signature takes as long as so many bytes do, however short what it is over. */
const leastCost = 4096
export const costOf = ({ payload }: SignedRows): number => Math.max(payload.length, leastCost)

type Max = { readonly [K in keyof typeof rowRoomMax.service]: number }
export type RowRoomMax = { readonly service: Max; readonly tenant: Max }

/** Keeps one service from taking what the others of its tenant need, and those of one tenant what those of the others do. */
export function createRowRoom(clock: Clock, max: RowRoomMax = rowRoomMax) {
  // One entry for each service that has a credential, and for its tenant.
  const held = new Map<string, number>()
  const turns = createTurns()
  const quota = createLineQuota(clock)

  function waitMsOf(key: string, of: Max, bytes: number): number {
    const now = held.get(key) ?? 0
    return now > 0 && now + bytes > of.bytes ? 1000 : 0
  }

  return {
    /** What is called when the request is settled; or the seconds until it may come again. */
    enter({ tenant, producer }: Service, bytes: number): (() => void) | { readonly retryAfter: number } {
      const all = [[`${tenant}/${producer}`, max.service] as const, [tenant, max.tenant] as const]
      const left: (() => void)[] = []
      const leave = () => {
        for (const end of left) end()
      }
      for (const [key, of] of all) {
        const end = turns.enter(key, of.requests)
        const waitMs = end === undefined ? 1000 : waitMsOf(key, of, bytes) || quota.take(key, of.bytesPerSecond, bytes)
        if (end !== undefined) left.push(end)
        if (waitMs === 0) continue
        leave()
        return { retryAfter: Math.ceil(waitMs / 1000) }
      }
      for (const [key] of all) held.set(key, (held.get(key) ?? 0) + bytes)
      left.push(() => {
        for (const [key] of all) held.set(key, (held.get(key) ?? 0) - bytes)
      })
      return leave
    },
  }
}

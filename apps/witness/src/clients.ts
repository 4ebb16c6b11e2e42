// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'

/** What one address may have of the witness. */
export type Clients = {
  /** May this client send one more request now? */
  admits(client: string): boolean
  /** May this client open one more connection? If so, it is counted until it is left. */
  enter(client: string): boolean
  leave(client: string): void
}

/** Clients whose rate is remembered; the one that was quiet longest is forgotten first. */
export const clientsMax = 4096

/** A bucket for each client: it fills by `perSecond`, and holds twice as much. */
export function createClients(
  clock: Clock,
  { perSecond, connections }: { readonly perSecond: number; readonly connections: number },
): Clients {
  const buckets = new Map<string, { left: number; atNs: bigint }>()
  const open = new Map<string, number>()
  const burst = 2 * perSecond
  return {
    admits: (client) => {
      const nowNs = clock.monotonicNs()
      const before = buckets.get(client) ?? { left: burst, atNs: nowNs }
      const left = Math.min(burst, before.left + (Number(nowNs - before.atNs) / 1e9) * perSecond)
      buckets.delete(client)
      buckets.set(client, { left: left >= 1 ? left - 1 : left, atNs: nowNs })
      for (const oldest of buckets.keys()) {
        if (buckets.size <= clientsMax) break
        buckets.delete(oldest)
      }
      return left >= 1
    },
    enter: (client) => {
      const count = open.get(client) ?? 0
      if (count >= connections) return false
      open.set(client, count + 1)
      return true
    },
    leave: (client) => {
      const count = (open.get(client) ?? 0) - 1
      if (count > 0) open.set(client, count)
      else open.delete(client)
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

// SPDX-License-Identifier: Apache-2.0

import { type Clock, createRate } from '@sealwatch/base'

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

/** A client's bucket fills by `perSecond`, and holds twice as much. */
export function createClients(
  clock: Clock,
  { perSecond, connections }: { readonly perSecond: number; readonly connections: number },
): Clients {
  const rate = createRate(clock, { perSecond, burst: 2 * perSecond, keysMax: clientsMax })
  const open = new Map<string, number>()
  return {
    admits: (client) => rate.take(client) === 0,
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

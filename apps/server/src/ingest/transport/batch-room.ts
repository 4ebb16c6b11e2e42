// SPDX-License-Identifier: Apache-2.0

import { createBell } from '@sealwatch/base'
import type { ShipRequest } from '@sealwatch/contract'

const MiB = 1024 * 1024
/** Bytes of batches that were read and are not settled: of a host, and of all together. */
export const unsettledBytesMax = { host: 8 * MiB, server: 16 * MiB } as const

/** What one stream reads by. */
export type StreamRoom = {
  /** Resolves when another batch may be read, or when the signal fires. */
  wait(signal: AbortSignal): Promise<void>
  /** Notes that it was read; what is given back is called once when it is settled. */
  take(batch: Pick<ShipRequest, 'lines' | 'side'>): () => void
}

/**
 * Bounds what hosts keep in memory, whatever they send: a stream is not read while there is too much, and HTTP/2 holds the
 * rest back on the host. What was begun is read to its end, so each stream may pass the bound by one batch.
 */
export function createBatchRoom(max: { readonly host: number; readonly server: number } = unsettledBytesMax): {
  of(hostId: string): StreamRoom
} {
  const byHost = new Map<string, number>()
  const settled = createBell()
  let all = 0

  function add(hostId: string, bytes: number): void {
    const left = (byHost.get(hostId) ?? 0) + bytes
    if (left === 0) byHost.delete(hostId)
    else byHost.set(hostId, left)
    all += bytes
  }

  return {
    of: (hostId) => ({
      wait: async (signal) => {
        while (!signal.aborted && (all >= max.server || (byHost.get(hostId) ?? 0) >= max.host))
          await settled.wait(signal)
      },
      take: ({ lines, side }) => {
        const bytes = side.reduce((sum, { values }) => sum + values.length, lines.length)
        add(hostId, bytes)
        return () => {
          add(hostId, -bytes)
          settled.ring()
        }
      },
    }),
  }
}

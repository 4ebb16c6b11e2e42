// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import type { Entry } from '@sealwatch/contract'
import { type Admin, withAdmin } from '../admin.ts'
import type { Context } from '../command.ts'
import { safeJson } from '../terminal.ts'
import { type ReadEntry, readEntry } from './entry.ts'

type Listing = {
  readonly attempted: string
  readonly follow: boolean
  readonly call: (admin: Admin, signal: AbortSignal) => AsyncIterable<Entry>
  readonly render: (entry: ReadEntry) => string
}

const retryMs = 250
const retriesMax = 120

/** Prints entries as they come; resolves with how many. A follower outlives restarts of the server. */
export async function printEntries({ io, place, json }: Context, listing: Listing): Promise<number> {
  const { attempted, follow, call, render } = listing
  let printed = 0
  let lastLeaf = -1n
  for (let retries = 0; ; retries++) {
    try {
      await withAdmin(place, attempted, async (admin) => {
        for await (const entry of call(admin, io.stop)) {
          retries = 0
          // After a reconnect the list begins again.
          if (entry.leafIndex <= lastLeaf) continue
          lastLeaf = entry.leafIndex
          const read = readEntry(entry)
          io.out(json ? `${safeJson(read.event)}\n` : render(read))
          printed += 1
        }
      })
      if (!follow || io.stop.aborted) return printed
    } catch (error) {
      if (io.stop.aborted) return printed
      const isGone = isSealwatchError(error) && (error.kind === 'unavailable' || error.kind === 'fatal')
      if (!follow || !isGone || printed === 0 || retries >= retriesMax) throw error
    }
    await io.clock.sleep(retryMs, io.stop)
  }
}

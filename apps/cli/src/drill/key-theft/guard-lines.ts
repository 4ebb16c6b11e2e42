// SPDX-License-Identifier: Apache-2.0
// What the guard of this machine seals while the drill goes on, as it comes into the ledger.

import type { JsonObject } from '@sealwatch/base'
import { eventClasses } from '@sealwatch/contract'
import { withAdmin } from '../../admin.ts'
import { readEntry } from '../../entries/entry.ts'
import type { Io } from '../../io.ts'
import type { Place } from '../../place.ts'

export type GuardLine = { readonly leaf: number; readonly event: JsonObject }

export type GuardLines = AsyncDisposable & {
  /** In the order of the ledger, since it was begun. */
  readonly of: (tenant: string) => readonly GuardLine[]
}

const againMs = 250
const linesMax = 10_000
export const clusterTenant = 'cluster'

/** Follows the findings of these tenants' ledgers from a moment on; a server that is started anew is asked again. */
export function followGuard(
  tenants: readonly string[],
  { io, place }: { readonly io: Io; readonly place: Place },
): GuardLines {
  const over = new AbortController()
  const since = new Date(io.clock.nowMs()).toISOString()
  const lines = new Map(tenants.map((tenant) => [tenant, [] as GuardLine[]]))

  async function follow(tenant: string, into: GuardLine[]): Promise<void> {
    const request = {
      follow: true,
      since,
      until: '',
      classUids: [eventClasses.finding.uid],
      filter: '',
      limit: 0,
      tenant,
    }
    while (!over.signal.aborted) {
      await withAdmin(place, 'following the guard', async (admin) => {
        for await (const entry of admin.listEvents(request, { signal: over.signal })) {
          const { leafIndex: leaf, event } = readEntry(entry)
          if (leaf > (into.at(-1)?.leaf ?? -1) && into.length < linesMax)
            into.push({ leaf, event: event as JsonObject })
        }
      }).catch(() => undefined)
      await io.clock.sleep(againMs, over.signal)
    }
  }

  const following = [...lines].map(([tenant, into]) => follow(tenant, into))
  return {
    of: (tenant) => lines.get(tenant) ?? [],
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await Promise.all(following)
    },
  }
}

export const membersOf = (value: unknown): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}

// SPDX-License-Identifier: Apache-2.0

import type { Clock } from '@sealwatch/base'
import type { Rehearsal } from '@sealwatch/contract/guard-config'

/**
 * Drills upon processes of hosts that are under way. In memory alone: they are over with this server, and a host that is told nothing of one
 * any more answers its attackers as all others.
 */
export type Rehearsals = {
  /** In the place of what the host had by that id. False: it has as many as it may have. */
  begin(at: RehearsalAt, rehearsal: Rehearsal): boolean
  end(tenant: string, id: string): void
  /** Those whose time is not over. */
  of(tenant: string, hostId: string): readonly Rehearsal[]
}
export type RehearsalAt = { readonly tenant: string; readonly hostId: string }

const ofHostMax = 4

/** `changed`: called when hosts of the tenant are to be told something else than before. */
export function createRehearsals(clock: Clock, changed: (tenant: string) => void): Rehearsals {
  let all: readonly (RehearsalAt & { readonly rehearsal: Rehearsal })[] = []
  const now = () => all.filter(({ rehearsal: { until } }) => clock.nowMs() < Date.parse(until))
  return {
    begin: ({ tenant, hostId }, rehearsal) => {
      const others = now().filter((one) => one.tenant !== tenant || one.rehearsal.id !== rehearsal.id)
      if (others.filter((one) => one.tenant === tenant && one.hostId === hostId).length >= ofHostMax) return false
      all = [...others, { tenant, hostId, rehearsal }]
      changed(tenant)
      return true
    },
    end: (tenant, id) => {
      const left = now().filter((one) => one.tenant !== tenant || one.rehearsal.id !== id)
      if (left.length === all.length) return
      all = left
      changed(tenant)
    },
    of: (tenant, hostId) =>
      now().flatMap((one) => (one.tenant === tenant && one.hostId === hostId ? [one.rehearsal] : [])),
  }
}

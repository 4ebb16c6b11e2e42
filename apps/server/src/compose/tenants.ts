// SPDX-License-Identifier: Apache-2.0

import { createTenants, type TenantPorts, type Tenants } from '../tenants/index.ts'
import type { Followers } from './followers.ts'
import type { Rooms } from './rooms.ts'

/** Tenants that come and go while the server runs: what that means for ledgers and for those who follow them. */
export function startTenants(rooms: Rooms, followers: Followers): Tenants {
  const { ledgers, outbox } = rooms
  const ports: TenantPorts = {
    open: async (tenant) => {
      if (ledgers.has(tenant)) return
      await ledgers.open([tenant])
      followers.follow(tenant)
      // Its first line waits there.
      outbox.ring()
    },
    changed: () => undefined,
  }
  const tenants = createTenants({ ...rooms, ports })
  followers.start(tenants.run)
  return tenants
}

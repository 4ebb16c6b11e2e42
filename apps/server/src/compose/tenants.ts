// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { folderOf } from '../ingest/index.ts'
import { createTenants, type TenantPorts, type Tenants } from '../tenants/index.ts'
import type { Followers } from './followers.ts'
import type { Rooms } from './rooms.ts'

/** Tenants that come and go while the server runs: what that means for every other room. */
export function startTenants(rooms: Rooms, followers: Followers): Tenants {
  const {
    access,
    admission,
    dir,
    disk,
    erasures,
    identity,
    index,
    indexed,
    keyRegistry,
    ledgers,
    outbox,
    quarantine,
    sealing,
    rows,
    signIn,
    store,
    trust,
    strictness,
    exceptions,
    requestSettings,
    scores,
    verdicts,
    habits,
    requests,
  } = rooms
  const ledgerOf = (tenant: string) => join(dir, 'ledgers', folderOf(tenant))
  const ports: TenantPorts = {
    wasKnown: (tenant) => ledgers.wasVouchedFor(tenant) || sealing.isErased(tenant),
    open: async (tenant) => {
      if (ledgers.has(tenant)) return
      await ledgers.open([tenant])
      followers.follow(tenant)
      // Its first line waits there.
      outbox.ring()
    },
    hasLedger: async (tenant) => (await disk.sizeOf(ledgerOf(tenant))) !== undefined,
    expel: async (tenant) => {
      await identity.expel(tenant)
      access.forgetTenant(tenant)
      keyRegistry.forgetTenant(tenant)
      trust.certificates.forgetTenant(tenant)
      strictness.forgetTenant(tenant)
      exceptions.forgetTenant(tenant)
      requestSettings.forgetTenant(tenant)
      scores.forgetTenant(tenant)
      requests.forgetTenant(tenant)
      verdicts.forgetTenant(tenant)
      await signIn.forgetTenant(tenant)
      await admission.settled(tenant)
      await rows.settled(tenant)
    },
    close: async (tenant) => {
      await followers.leave(tenant)
      await ledgers.shut(tenant)
    },
    destroyKeys: async (tenant, orderedNs) => {
      // What was ordered before the last stop is known once the index is where the ledger was.
      const cluster = ledgers.get('cluster')
      await indexed.waitFor(cluster.tenant, cluster.size)
      return erasures.eraseTenant(tenant, ledgers.originOf(tenant), orderedNs)
    },
    removeData: async (tenant) => {
      const goneDir = join(dir, 'erased')
      const gone = join(goneDir, folderOf(tenant))
      await disk.makeDirectory(goneDir)
      if (await ports.hasLedger(tenant)) await disk.rename(ledgerOf(tenant), gone)
      await disk.removeDirectory(gone)
      await habits.forgetTenant(tenant)
      await quarantine.forget(tenant)
      await index.forget(tenant)
      await store.forget(tenant)
    },
    changed: (tenant) => access.gate.changed(tenant),
  }
  const tenants = createTenants({ ...rooms, ports })
  followers.start(tenants.run)
  return tenants
}

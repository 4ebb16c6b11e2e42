// SPDX-License-Identifier: Apache-2.0

import { parseRfc3339 } from '@sealwatch/base'
import type { Store } from '../store/index.ts'
import type { DestroyedKeys, TenantPorts } from './ports.ts'
import type { TenantRegistry } from './registry.ts'

/**
 * Does what is left to do of an erasure that was ordered; the order itself stands in the ledgers. Each step may be
 * repeated, and says what the next start finds if we stop after it.
 */
export async function finishErasure(options: {
  readonly name: string
  readonly registry: TenantRegistry
  readonly ports: TenantPorts
  readonly store: Store
}): Promise<DestroyedKeys> {
  const { name, registry, ports, store } = options
  const { erasingAt } = registry.get(name)
  let keys: DestroyedKeys = { leafIndex: undefined, tenantKeys: 0, subjectKeys: 0 }
  if (await ports.hasLedger(name)) {
    await ports.open(name)
    // Its hosts are revoked, and nothing comes in any more. The next start finds nobody to revoke.
    await ports.expel(name)
    // The root vouches for the last line of its ledger. The next start opens it again, and closes it as it is.
    await ports.close(name)
    // The line that orders it stands in the ledger once, however often it is asked for: no key of the tenant is left.
    keys = await ports.destroyKeys(name, parseRfc3339(erasingAt ?? '') ?? 0n)
  }
  // The ledger goes as a whole, by its name, so that it is never met in part; the rest is removed by the next start.
  await ports.removeData(name)
  const update = (set: { readonly title: string; readonly lines_per_second: null } | { readonly state: 'erased' }) =>
    store.transaction((tx) => tx.updateTable('tenants').set(set).where('tenant', '=', name).execute())
  await update({ title: name, lines_per_second: null })
  await store.scrub()
  await update({ state: 'erased' })
  registry.set({ ...registry.get(name), state: 'erased', title: name, linesPerSecond: null })
  return keys
}

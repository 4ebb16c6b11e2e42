// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { systemRandom } from '@sealwatch/base'
import { type Erasures, openErasures } from '../custody/index.ts'
import { auditTenant } from '../identity/index.ts'
import {
  checkStores,
  createIndexProgress,
  type IndexProgress,
  type Ledgers,
  openLedgers,
  type PreparedWitnesses,
  prepareWitnesses,
  tenantsIn,
} from '../ingest/index.ts'
import { openTenantRegistry, type Tenant, type TenantRegistry } from '../tenants/index.ts'
import type { Keys } from './keys.ts'

/** The ledgers, those whose they are, and what follows from them alone. */
export type Books = Keys & {
  readonly registry: TenantRegistry
  readonly ledgers: Ledgers
  readonly witnesses: PreparedWitnesses
  readonly erasures: Erasures
  /** How far the index covers each ledger. */
  readonly indexed: IndexProgress
}

export async function openBooks(keys: Keys, ends: AsyncDisposableStack): Promise<Books> {
  const { config, dir, deployment, witnessPolicy, sealing, store, disk } = keys
  const witnesses = prepareWitnesses({ ...keys, policy: witnessPolicy, random: systemRandom })
  const ledgersDir = join(dir, 'ledgers')
  const opening = openLedgers({
    ...keys,
    ...witnesses.ledgersOptions,
    dir: ledgersDir,
    deployment: deployment.name,
    labelKey: deployment.labelKey,
    tenants: [auditTenant],
    belowQuorum: config.belowQuorum as 'degraded' | 'hold',
  })
  const ledgers = ends.adopt(await opening, ({ close }) => close())
  // What the cluster's ledger orders to be destroyed is gone before anything else is opened.
  const erasures = await openErasures({ ...keys, ledger: ledgers.get(auditTenant) })
  const withLedger = tenantsIn(await disk.list(ledgersDir))
  const registry = await openTenantRegistry({ ...keys, withLedger, keysAreGone: sealing.isErased })
  // What is left of an erasure goes by what is left of the tenant.
  const isOpen = ({ name, state }: Tenant) => (state === 'erasing' ? withLedger.has(name) : state !== 'erased')
  await ledgers.open(
    registry
      .list()
      .filter(isOpen)
      .map(({ name }) => name),
  )
  await checkStores(store, ledgers)
  return { ...keys, registry, ledgers, witnesses, erasures, indexed: createIndexProgress() }
}

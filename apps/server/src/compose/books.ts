// SPDX-License-Identifier: Apache-2.0

import { join } from 'node:path'
import { systemRandom } from '@sealwatch/base'
import { type Erasures, openErasures } from '../custody/index.ts'
import {
  checkStores,
  createIndexProgress,
  type IndexProgress,
  type Ledgers,
  openLedgers,
  type PreparedWitnesses,
  prepareWitnesses,
} from '../ingest/index.ts'
import type { Keys } from './keys.ts'

/** The tenant of whoever names none, and that of what concerns the deployment as a whole. */
const standingTenants = ['default', 'cluster'] as const

/** The ledgers, and what follows from them alone. */
export type Books = Keys & {
  readonly ledgers: Ledgers
  readonly witnesses: PreparedWitnesses
  readonly erasures: Erasures
  /** How far the index covers each ledger. */
  readonly indexed: IndexProgress
}

export async function openBooks(keys: Keys, ends: AsyncDisposableStack): Promise<Books> {
  const { config, dir, deployment, witnessPolicy, store } = keys
  const witnesses = prepareWitnesses({ ...keys, policy: witnessPolicy, random: systemRandom })
  const opening = openLedgers({
    ...keys,
    ...witnesses.ledgersOptions,
    dir: join(dir, 'ledgers'),
    deployment: deployment.name,
    labelKey: deployment.labelKey,
    tenants: [...standingTenants, ...config.moreTenants.split(',').filter((name) => name !== '')],
    belowQuorum: config.belowQuorum as 'degraded' | 'hold',
  })
  const ledgers = ends.adopt(await opening, ({ close }) => close())
  await checkStores(store, ledgers)
  const erasures = await openErasures({ ...keys, ledger: ledgers.get('cluster') })
  return { ...keys, ledgers, witnesses, erasures, indexed: createIndexProgress() }
}

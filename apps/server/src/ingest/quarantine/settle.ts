// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { readKept } from '../rows/keep-submission.ts'
import type { Admissions } from './admissions.ts'
import { leafOf, serviceOfRow } from './item-rows.ts'
import type { QuarantineRow } from './judge-item.ts'
import type { ReplayOptions } from './replays.ts'
import { itemOf, stubAt } from './stub-line.ts'

/** Within the tenant's turn: what a crash left between two steps is finished. */
export async function settleTenant(options: ReplayOptions, { admit }: Admissions, tenant: string): Promise<void> {
  const { store, ledgers, quarantine, indexed, log } = options
  const { db } = store
  const ledger = ledgers.get(tenant)
  const lost = await db
    .selectFrom('audit_signature_quarantine')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('stub_leaf_index', 'is', null)
    .execute()
  if (lost.length > 0) await indexed.waitFor(tenant, ledger.size)
  for (const row of lost) {
    const leaf = await stubLeafOf(options, row)
    // Whoever sent it sends it again, and gets its stub then.
    if (leaf === undefined) continue
    if (itemOf(await stubAt(ledger, leaf)) !== row.item) continue
    await quarantine.placed({ tenant, chain: row.chain, firstSeq: row.first_seq }, row.item, leaf)
    log.error('a quarantined item found its stub after a crash', { tenant, chain: row.chain, reason: row.reason })
  }
  const approved = await db
    .selectFrom('quarantine_releases')
    .innerJoin('audit_signature_quarantine as item', (on) =>
      on
        .onRef('item.tenant', '=', 'quarantine_releases.tenant')
        .onRef('item.stub_leaf_index', '=', 'quarantine_releases.stub_leaf_index'),
    )
    .selectAll('item')
    .where('quarantine_releases.tenant', '=', tenant)
    .where('item.tenant', '=', tenant)
    .where('quarantine_releases.tenant', '=', tenant)
    .where('item.state', '=', 'waiting')
    .where('quarantine_releases.approved_at', 'is not', null)
    .execute()
  for (const row of approved) await admit(tenant, leafOf(row), 'release')
}

/** Where the index has a stub in the item's place. */
async function stubLeafOf({ store, quarantine }: ReplayOptions, row: QuarantineRow): Promise<number | undefined> {
  const { tenant, chain, next_seq } = row
  const producer = serviceOfRow(row)
  if (producer === undefined) {
    const found = await store.index
      .selectFrom('batches')
      .select(['leaf_index', 'kind'])
      .where('tenant', '=', tenant)
      .where('chain', '=', chain)
      .where('last_seq', '=', next_seq - 1)
      .executeTakeFirst()
    return found?.kind === 'stub' ? found.leaf_index : undefined
  }
  try {
    const { id } = readKept((await quarantine.read(tenant, row)).bytes)
    const found = await store.index
      .selectFrom('submissions')
      .select('leaf_index')
      .where('tenant', '=', tenant)
      .where('producer', '=', producer)
      .where('id', '=', id)
      .where('kind', '=', 'submission_stub')
      .executeTakeFirst()
    return found?.leaf_index
  } catch (error) {
    // Bytes that are gone or altered are told of by `audit fsck`, and hold up nobody else's.
    if (isSealwatchError(error) && error.kind === 'unverified') return undefined
    throw error
  }
}

// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { tellUnvouched } from '../../trust/index.ts'
import { readKept } from '../rows/keep-submission.ts'
import type { Admissions } from './admissions.ts'
import { leafOf, serviceOfRow } from './item-rows.ts'
import type { QuarantineRow } from './judge-item.ts'
import { releaseFault, waitingApproval } from './release-fault.ts'
import type { ReplayOptions } from './replays.ts'
import { itemOf, stubAt } from './stub-line.ts'

/** Within the tenant's turn: what a crash left between two steps is finished. */
export async function settleTenant(
  options: ReplayOptions,
  { admit, inTurn }: Admissions,
  tenant: string,
): Promise<void> {
  const { store, outbox, ledgers, quarantine, log } = options
  const { db } = store
  const ledger = ledgers.get(tenant)
  for (const row of await lostRows(options, tenant)) {
    const leaf = await stubLeafOf(options, row)
    if (leaf === 'unknown') continue
    const { item, chain, first_seq: firstSeq, reason } = row
    if (leaf !== undefined && itemOf(await stubAt(ledger, leaf)) === item) {
      await quarantine.placed({ tenant, chain, firstSeq }, item, leaf)
      log.error('a quarantined item found its stub after a crash', { tenant, chain, reason })
    } else {
      // Nobody was told that it is kept: it comes again as new, or came in meanwhile.
      await quarantine.drop(row)
      log.warn('a quarantined item has no stub: whoever sent it sends it again', { tenant, chain, reason, item })
    }
  }
  const approved = await db
    .selectFrom('quarantine_releases')
    .innerJoin('audit_signature_quarantine as item', (on) =>
      on
        .onRef('item.tenant', '=', 'quarantine_releases.tenant')
        .onRef('item.stub_leaf_index', '=', 'quarantine_releases.stub_leaf_index'),
    )
    .selectAll('item')
    .select('quarantine_releases.request')
    .where('quarantine_releases.tenant', '=', tenant)
    .where('item.tenant', '=', tenant)
    .where('item.state', '=', 'waiting')
    .where('quarantine_releases.approved_at', 'is not', null)
    .execute()
  for (const { request, ...row } of approved) {
    const leaf = leafOf(row)
    const why = await releaseFault(options, row)
    if (why === undefined) {
      await admit(tenant, leaf, 'release')
      continue
    }
    const uid = await waitingApproval(options, tenant, request)
    if (uid === undefined) {
      await tellUnvouched(options, [{ tenant, kind: 'quarantine_release', name: `${request}, of leaf ${leaf}`, why }])
      continue
    }
    // A crash came before its line. A stop ends the waiting; the next start looks again.
    const standing = outbox.committed(uid).then(() => inTurn(tenant, () => admit(tenant, leaf, 'release')))
    standing.catch(() => undefined)
  }
}

/** Those without a stub whose stub was refused, or stands in the ledger: of none of them one is under way. */
async function lostRows({ store, ledgers, quarantine, indexed }: ReplayOptions, tenant: string) {
  const rows = () =>
    store.db
      .selectFrom('audit_signature_quarantine')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('stub_leaf_index', 'is', null)
      .execute()
  const keptAs = ({ item, segment, segment_at }: QuarantineRow) => `${item} ${segment} ${segment_at}`
  const before = new Set((await rows()).map(keptAs))
  if (before.size === 0) return []
  // A row has its stub's place by the time it is written.
  const ledger = ledgers.get(tenant)
  await ledger.settled()
  await indexed.waitFor(tenant, ledger.size)
  await quarantine.settled(tenant)
  return (await rows()).filter((row) => before.has(keptAs(row)))
}

/** Where the index has a stub in the item's place; unknown: its bytes do not say which that is. */
async function stubLeafOf(
  { store, quarantine }: ReplayOptions,
  row: QuarantineRow,
): Promise<number | undefined | 'unknown'> {
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
    if (found === undefined || found.kind === 'stub') return found?.leaf_index
    // Where the lines came in after all, the index has these in the stub's place.
    const fill = await store.index
      .selectFrom('fills')
      .select('stub_leaf')
      .where('tenant', '=', tenant)
      .where('item', '=', row.item)
      .executeTakeFirst()
    return fill?.stub_leaf
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
    if (isSealwatchError(error) && error.kind === 'unverified') return 'unknown'
    throw error
  }
}

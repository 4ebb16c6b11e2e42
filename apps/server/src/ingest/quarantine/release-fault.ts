// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import type { Body } from '@sealwatch/ledger'
import { across } from '../../store/index.ts'
import { actIn, actsOf } from '../../trust/index.ts'
import { leafOf } from './item-rows.ts'
import type { QuarantineRow } from './judge-item.ts'
import { type ReleaseBook, takeReleaseLine, unsaidOfRelease } from './release-acts.ts'
import type { ReplayOptions } from './replays.ts'

/** Why an item may not be released, whatever its row says: both acts must stand in the ledger. Undefined: they do. */
export async function releaseFault(
  { store, ledgers }: Pick<ReplayOptions, 'store' | 'ledgers'>,
  row: QuarantineRow,
): Promise<string | undefined> {
  const { tenant, item } = row
  const stubLeaf = leafOf(row)
  const release = await store.db
    .selectFrom('quarantine_releases')
    .select(['request', 'requested_at'])
    .where('tenant', '=', tenant)
    .where('stub_leaf_index', '=', stubLeaf)
    .executeTakeFirst()
  if (release === undefined) return 'nobody asked for it'
  const at = { ledger: ledgers.get(tenant), index: store.index }
  const unsaidSince = async (since: string) => {
    const book: ReleaseBook = new Map()
    for await (const { line } of actsOf(at, since)) takeReleaseLine(book, line)
    return unsaidOfRelease(book.get(release.request), { item, stubLeaf })
  }
  // Its lines may have earlier times than it has itself: before it is called altered all of them are read.
  return (await unsaidSince(release.requested_at)) && (await unsaidSince(rfc3339(0n)))
}

/** Of an approval whose line still waits for the ledger: under which name. */
export async function waitingApproval(
  { store }: Pick<ReplayOptions, 'store'>,
  tenant: string,
  request: string,
): Promise<string | undefined> {
  const rows = await across(store.db, 'outbox')
    .selectFrom('outbox')
    .select(['uid', 'body'])
    .where('tenant', '=', tenant)
    .where('body', 'like', '%"quarantine_release_approved"%')
    .orderBy('id', 'desc')
    .execute()
  return rows.find(({ body }) => isApprovalOf(request, JSON.parse(body) as Body))?.uid
}

function isApprovalOf(request: string, body: Body): boolean {
  const act = actIn(body)
  return act?.code === 'quarantine_release_approved' && act.details.quarantine_request === request
}

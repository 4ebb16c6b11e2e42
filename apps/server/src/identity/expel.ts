// SPDX-License-Identifier: Apache-2.0

import type { Store } from '../store/index.ts'
import type { Hosts } from './hosts.ts'

/** Revocations that wait for the ledger together. */
const atOnce = 32
const cause = 'its tenant is erased'
/** What a host said of itself goes with its tenant; its id stays, so that certificate and key stay refused. */
const nothing = { hostname: '', renamed: null, machine_id: '', facts: '{}', agent_version: null, last_seen_at: null }

export async function expel(tenant: string, { store, hosts }: { store: Store; hosts: Hosts }): Promise<void> {
  await store.db.deleteFrom('join_tokens').where('tenant', '=', tenant).execute()
  for (;;) {
    const due = await store.db
      .selectFrom('hosts')
      .select('host_id')
      .where('tenant', '=', tenant)
      .where('revoked_at', 'is', null)
      .limit(atOnce)
      .execute()
    if (due.length === 0) break
    await Promise.all(due.map(({ host_id }) => hosts.revoke(undefined, tenant, host_id, cause)))
  }
  await store.db.updateTable('hosts').set(nothing).where('tenant', '=', tenant).execute()
}

// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import type { Outbox, Tx } from '../store/index.ts'
import type { ServerVoice } from './audit-event.ts'
import { hostRenamed, sayOfHost } from './events.ts'
import type { Host } from './hosts.ts'

/** The column `renamed` of a host, as JSON: what it was called before, and until when (RFC 3339). */
export type Renamed = { readonly from: string; readonly at: string }

const sameNameMax = 8

/** Gives a host the name that it says it has, and says so in the ledgers; returns the ids of these lines, none where it has that name. */
export async function renameHost(
  tx: Tx,
  { outbox, voice }: { readonly outbox: Outbox; readonly voice: ServerVoice },
  { hostId, tenant, hostname }: Host,
  timeNs: bigint,
): Promise<readonly string[]> {
  const ofTenant = tx.selectFrom('hosts').select(['host_id', 'hostname']).where('tenant', '=', tenant)
  const { hostname: before } = await ofTenant.where('host_id', '=', hostId).executeTakeFirstOrThrow()
  if (before === hostname) return []
  const same = await ofTenant
    .where('hostname', '=', hostname)
    .where('revoked_at', 'is', null)
    .limit(sameNameMax)
    .execute()
  const renamed: Renamed = { from: before, at: rfc3339(timeNs) }
  await tx
    .updateTable('hosts')
    .set({ hostname, renamed: JSON.stringify(renamed) })
    .where('tenant', '=', tenant)
    .where('host_id', '=', hostId)
    .execute()
  const sameName = same.map(({ host_id }) => host_id)
  return sayOfHost(tx, outbox, tenant, hostRenamed(voice, timeNs, { hostId, before, after: hostname, sameName }))
}

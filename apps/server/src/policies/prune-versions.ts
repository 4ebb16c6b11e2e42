// SPDX-License-Identifier: Apache-2.0

import type { Tx } from '../store/index.ts'
import { policyLimitsOfTenant } from './errors.ts'

/** Versions looked at in one step. */
const stepRows = 64

/**
 * Lets go of versions beyond those that are kept; the newest of each policy stays. That they were, and what they were by
 * digest, stays in the ledger.
 */
export async function pruneVersions(tx: Tx, tenant: string, id: string, newest: number): Promise<void> {
  const { versionsMax, documentBytesMax } = policyLimitsOfTenant
  await tx
    .deleteFrom('security_policy_versions')
    .where('tenant', '=', tenant)
    .where('policy_id', '=', id)
    .where('version', '<=', newest - versionsMax)
    .execute()
  for (;;) {
    const { bytes } = await tx
      .selectFrom('security_policy_versions')
      .select(({ fn }) => fn.sum<number>('bytes').as('bytes'))
      .where('tenant', '=', tenant)
      .executeTakeFirstOrThrow()
    let excess = Number(bytes) - documentBytesMax
    if (excess <= 0) return
    const oldest = await tx
      .selectFrom('security_policy_versions as versions')
      .innerJoin('security_policies as policies', (join) =>
        join.onRef('policies.tenant', '=', 'versions.tenant').onRef('policies.policy_id', '=', 'versions.policy_id'),
      )
      .select(['versions.policy_id', 'versions.version', 'versions.bytes'])
      .where('versions.tenant', '=', tenant)
      .where('policies.tenant', '=', tenant)
      .whereRef('versions.version', '<', 'policies.version')
      .orderBy('versions.changed_at')
      .limit(stepRows)
      .execute()
    if (oldest.length === 0) return
    for (const { policy_id, version, bytes: freed } of oldest) {
      if (excess <= 0) return
      excess -= freed
      await tx
        .deleteFrom('security_policy_versions')
        .where('tenant', '=', tenant)
        .where('policy_id', '=', policy_id)
        .where('version', '=', version)
        .execute()
    }
  }
}

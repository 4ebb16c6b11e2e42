// SPDX-License-Identifier: Apache-2.0

import type { DeliveredPolicy } from '@sealwatch/contract/host-config'
import type { PolicyType } from '@sealwatch/contract/policy'
import type { Tx } from '../store/index.ts'

/** Of what hosts themselves can see to; the others are the server's. */
const typesOfHosts: readonly PolicyType[] = ['network', 'file', 'process']
export const isOfHosts = (type: PolicyType): boolean => typesOfHosts.includes(type)

/** The policies of a tenant that are switched on and go to its hosts, by id. */
export async function enforcedPolicies(db: Pick<Tx, 'selectFrom'>, tenant: string): Promise<DeliveredPolicy[]> {
  const rows = await db
    .selectFrom('security_policies as policy')
    .innerJoin('security_policy_versions as version', (join) =>
      join
        .onRef('version.tenant', '=', 'policy.tenant')
        .onRef('version.policy_id', '=', 'policy.policy_id')
        .onRef('version.version', '=', 'policy.version'),
    )
    .select(['policy.policy_id', 'policy.version', 'version.digest', 'version.document'])
    .where('policy.tenant', '=', tenant)
    .where('version.tenant', '=', tenant)
    .where('policy.deleted_at', 'is', null)
    .where('policy.enabled', '=', 1)
    .where('policy.type', 'in', typesOfHosts)
    .orderBy('policy.policy_id')
    .execute()
  return rows.flatMap(({ policy_id: id, version, digest, document }) =>
    digest === null || document === null ? [] : [{ id, version, digest, document }],
  )
}

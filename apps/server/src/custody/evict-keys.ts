// SPDX-License-Identifier: Apache-2.0

import type { Sealing } from '@sealwatch/keys/sealing'
import { type ActBy, auditTenant, type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'

export type EvictedKeys = { readonly keys: number; readonly recorded: Recorded }
export type EvictKeys = (by: ActBy, tenant?: string) => Promise<EvictedKeys>

/** Wipes the keys in memory by somebody's order, of a tenant or all. They are wiped whatever becomes of the record. */
export const createEvictKeys =
  (options: RecordOptions & { readonly sealing: Sealing }): EvictKeys =>
  async (by, tenant) => {
    const keys = options.sealing.evict(tenant)
    const whose = tenant === undefined ? 'all tenants' : `the tenant ${tenant}`
    const act = {
      code: 'keys_evicted',
      component: 'custody',
      tenant: auditTenant,
      by,
      verb: 'delete',
      severity: 'medium',
      message: `${keys} keys of ${whose} were wiped from memory by order of ${by.name}`,
      entity: { type: 'Keys in Memory', uid: tenant ?? 'all' },
      details: { keys },
    } as const
    return { keys, recorded: await recordAct(options, act, async () => undefined) }
  }

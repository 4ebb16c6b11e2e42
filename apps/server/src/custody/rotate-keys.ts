// SPDX-License-Identifier: Apache-2.0

import type { EpochRow } from '@sealwatch/keys/sealing'
import { type ActBy, auditTenant, type RecordOptions, recordAct } from '../identity/index.ts'
import type { KeyTender } from './tend-keys.ts'

export type RotateKeys = (by: ActBy) => Promise<EpochRow>

/** A new epoch of the master key by somebody's order. It has begun whatever becomes of the record. Throws KEYS_UNAVAILABLE. */
export const createRotateKeys =
  (options: RecordOptions & { readonly tender: Pick<KeyTender, 'rotate'> }): RotateKeys =>
  async (by) => {
    const row = await options.tender.rotate()
    const act = {
      code: 'keys_rotated',
      component: 'custody',
      tenant: auditTenant,
      by,
      verb: 'create',
      severity: 'medium',
      message: `the master key was rotated by order of ${by.name}: what is sealed from epoch ${row.epoch} on is under new keys`,
      entity: { type: 'Master Key', uid: String(row.epoch) },
      details: { epoch: row.epoch },
    } as const
    await recordAct(options, act, async () => undefined)
    return row
  }

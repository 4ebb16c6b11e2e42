// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { checkedThresholds, defaultThresholds, type Thresholds } from '@sealwatch/detect/verdict'
import { type Authorised, actBy } from '../../access/index.ts'
import { type Recorded, recordAct } from '../../identity/index.ts'
import type { Tx } from '../../store/index.ts'
import { ruleError } from '../errors.ts'
import {
  type JudgedBy,
  type SettingsOptions,
  type SettingsRow,
  settingsAct,
  vouchedSettings,
} from './settings-vouching.ts'

export type SettingsRecord = JudgedBy & {
  /** 0: nobody has set any. */
  readonly version: number
  readonly reason: string | null
  readonly changedAt: string | null
  readonly changedBy: string | null
}
export type WantedSettings = {
  /** What is left out stays. */
  readonly mode?: JudgedBy['mode'] | undefined
  readonly thresholds: { readonly [name in keyof Thresholds]?: number | undefined }
  readonly reason: string
}

/** Per tenant: what becomes of a request by its score. Observing is what is done until somebody says otherwise. */
export type RequestSettings = {
  of(tenant: string): JudgedBy
  /** In force, and those before it, newest first. */
  read(by: Authorised<'threat:read'>): Promise<{ readonly now: SettingsRecord; readonly earlier: SettingsRecord[] }>
  /** Counts once its line is in the ledger. Throws REQUEST_THRESHOLDS, REQUEST_SETTINGS_CHANGED, AUDIT_NOT_RECORDED. */
  set(
    by: Authorised<'threat:tune'>,
    wanted: WantedSettings,
  ): Promise<{ readonly settings: SettingsRecord; readonly recorded: Recorded }>
  /** Of a tenant whose ledger is open. */
  load(tenant: string): Promise<void>
  forgetTenant(tenant: string): void
}

export const settingsLimits = { versionsKept: 50, reasonCharsMax: 500 } as const
const usual: SettingsRecord = {
  mode: 'observe',
  thresholds: defaultThresholds,
  version: 0,
  reason: null,
  changedAt: null,
  changedBy: null,
}

export function createRequestSettings(options: SettingsOptions): RequestSettings {
  const { store } = options
  const byTenant = new Map<string, SettingsRecord>()
  /** Of rows when the server started, whether they count or not: what is set is newer than all of them. */
  const newestRows = new Map<string, number>()
  const inForce = (tenant: string) => byTenant.get(tenant) ?? usual
  const newestOf = (tenant: string) => Math.max(inForce(tenant).version, newestRows.get(tenant) ?? 0)
  const versionsOf = (from: Pick<Tx, 'selectFrom'>, tenant: string) =>
    from.selectFrom('request_settings').selectAll().where('tenant', '=', tenant).orderBy('version', 'desc')

  return {
    of: inForce,
    read: async ({ tenant }) => {
      const now = inForce(tenant)
      const rows = await versionsOf(store.db, tenant).where('version', '<', now.version).execute()
      return { now, earlier: rows.map(recordOf) }
    },
    set: async (by, { mode, thresholds, reason }) => {
      const { tenant } = by
      // What stays is what is in force, and not what a row says: that may count for nothing.
      const was = inForce(tenant)
      const newest = newestOf(tenant)
      const version = newest + 1
      const judgedBy = { mode: mode ?? was.mode, thresholds: merged(was.thresholds, thresholds) }
      const act = settingsAct({ tenant, by: actBy(by), version, judgedBy, reason })
      let made: SettingsRow | undefined
      const recorded = await recordAct(
        options,
        act,
        async (tx, timeNs) => {
          const found = (await versionsOf(tx, tenant).limit(1).executeTakeFirst())?.version ?? 0
          if (found > newest)
            throw ruleError('REQUEST_SETTINGS_CHANGED', {
              attempted: 'changing how requests are judged',
              received: `version ${found}, changed from ${newest}`,
            })
          made = rowOf({ tenant, version, judgedBy, reason, changed_at: rfc3339(timeNs), changed_by: act.by.name })
          await tx.insertInto('request_settings').values(made).execute()
          await tx
            .deleteFrom('request_settings')
            .where('tenant', '=', tenant)
            .where('version', '<=', version - settingsLimits.versionsKept)
            .execute()
        },
        {
          given: async (db) => {
            const row = await versionsOf(db, tenant).where('version', '=', version).executeTakeFirst()
            if (row !== undefined && version > inForce(tenant).version) byTenant.set(tenant, recordOf(row))
          },
        },
      )
      return { settings: recordOf(made as SettingsRow), recorded }
    },
    load: async (tenant) => {
      const row = await versionsOf(store.db, tenant).limit(1).executeTakeFirst()
      newestRows.set(tenant, row?.version ?? 0)
      const record = row && recordOf(row)
      const said = await vouchedSettings(options, tenant, record)
      if (said !== undefined) byTenant.set(tenant, { ...usual, ...said })
    },
    forgetTenant: (tenant) => {
      byTenant.delete(tenant)
      newestRows.delete(tenant)
    },
  }
}

/** Throws REQUEST_THRESHOLDS. */
const merged = (was: Thresholds, wanted: WantedSettings['thresholds']): Thresholds =>
  checkedThresholds({
    observe: wanted.observe ?? was.observe,
    challenge: wanted.challenge ?? was.challenge,
    block: wanted.block ?? was.block,
  })

type Made = Pick<SettingsRow, 'tenant' | 'version' | 'reason' | 'changed_at' | 'changed_by'> & {
  readonly judgedBy: JudgedBy
}
const rowOf = ({ judgedBy: { mode, thresholds }, ...row }: Made): SettingsRow => ({ ...row, mode, ...thresholds })

const recordOf = ({ mode, observe, challenge, block, ...row }: SettingsRow): SettingsRecord => ({
  mode,
  thresholds: { observe, challenge, block },
  version: row.version,
  reason: row.reason,
  changedAt: row.changed_at,
  changedBy: row.changed_by,
})

// SPDX-License-Identifier: Apache-2.0

import { type Log, rfc3339 } from '@sealwatch/base'
import { checkedThresholds, type JudgingMode, judgingModes, type Thresholds } from '@sealwatch/detect/verdict'
import type { ActBy, RecordOptions } from '../../identity/index.ts'
import type { Ledgers } from '../../ingest/index.ts'
import type { Tables } from '../../store/index.ts'
import { actIn, actsOf, tellUnvouched, waitingFor } from '../../trust/index.ts'

/** What a request is judged by besides what it says. */
export type JudgedBy = { readonly mode: JudgingMode; readonly thresholds: Thresholds }
export type SettingsRow = Tables['request_settings']
export type SettingsOptions = RecordOptions & { readonly ledgers: Pick<Ledgers, 'get'>; readonly log: Log }

const code = 'request_settings_set'

/** As the ledger has it: all of it, for nothing of it is about a person. */
const settingsSaid = ({ mode, thresholds: { observe, challenge, block } }: JudgedBy): string =>
  `${mode} ${observe} ${challenge} ${block}`

export function settingsAct(of: {
  readonly tenant: string
  readonly by: ActBy
  readonly version: number
  readonly judgedBy: JudgedBy
  readonly reason: string
}) {
  const { tenant, by, version, judgedBy, reason } = of
  const { observe, challenge, block } = judgedBy.thresholds
  const what = judgedBy.mode === 'block' ? 'attacks are blocked' : 'nothing is blocked'
  return {
    code,
    component: 'detect',
    tenant,
    by,
    verb: 'update' as const,
    severity: 'medium' as const,
    message: `how requests are judged was changed to version ${version}: ${what}; scores from ${observe} on are observed, from ${challenge} challenged, from ${block} blocked`,
    entity: { type: 'Request Settings', uid: `${tenant}/${version}` },
    details: { request_settings: settingsSaid(judgedBy), request_settings_version: version, change_cause: reason },
  }
}

/**
 * Holds the newest row, or that there is none, against the ledger's last word: whoever can write into the database switches nothing
 * off. Where the two differ that is an alarm, and the ledger's word counts; undefined: it has none.
 */
export async function vouchedSettings(
  options: SettingsOptions,
  tenant: string,
  row: (SettingsSaid & { readonly changedAt: string | null }) | undefined,
): Promise<SettingsSaid | undefined> {
  const { store, ledgers } = options
  const due = row && `${row.version} ${settingsSaid(row)}`
  if (row !== undefined && (await lastSince(row.changedAt ?? rfc3339(0n))) === due) return row
  // A line may have an earlier time than its row: before one is called altered all of them are read.
  const last = await lastSince(rfc3339(0n))
  if (last === due) return row
  const said = last === undefined ? undefined : saidIn(last)
  const why =
    said === undefined
      ? 'no line of the ledger sets it'
      : `${row ? '' : 'its row is gone; '}its last line sets version ${last}`
  await tellUnvouched(options, [
    { tenant, kind: 'request_settings', name: `version ${row?.version ?? said?.version}`, why },
  ])
  return said

  async function lastSince(from: string): Promise<string | undefined> {
    let said: string | undefined
    const take = (body: Parameters<typeof actIn>[0]) => {
      const act = actIn(body)
      if (act?.code === code) said = `${act.details.request_settings_version} ${act.details.request_settings}`
    }
    for await (const { line } of actsOf({ ledger: ledgers.get(tenant), index: store.index }, from)) take(line)
    for (const body of await waitingFor(store, tenant)) take(body)
    return said
  }
}

export type SettingsSaid = JudgedBy & Pick<SettingsRow, 'version'>

function saidIn(said: string): SettingsSaid {
  const [version, word, ...scores] = said.split(' ')
  const [observe, challenge, block] = scores.map(Number)
  const mode = judgingModes.find((name) => name === word) ?? 'observe'
  const thresholds = checkedThresholds({ observe, challenge, block } as Thresholds)
  return { version: Number(version), mode, thresholds }
}

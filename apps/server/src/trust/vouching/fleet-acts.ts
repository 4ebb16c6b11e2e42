// SPDX-License-Identifier: Apache-2.0

import type { Body } from '@sealwatch/ledger'
import type { Tables } from '../../store/index.ts'
import { actIn, type OwnAct } from './own-act.ts'

export type GroupVersionRow = Tables['host_group_versions']
export type HostGroupsRow = Tables['host_groups']

/** What hosts are told is written by these, and which host is told what: the last about each counts. */
const groupCodes: readonly string[] = ['host_config_set', 'host_config_rolled_back']
const memberCode = 'host_grouped'

/** The last act about each group of hosts, and about each host. */
export type FleetBook = { readonly groups: Map<string, OwnAct>; readonly hosts: Map<string, OwnAct> }
export const newFleetBook = (): FleetBook => ({ groups: new Map(), hosts: new Map() })

/** Of a line of the ledger's own chain. */
export function takeFleetLine(book: FleetBook, body: Body): void {
  const act = actIn(body)
  if (act === undefined) return
  if (groupCodes.includes(act.code)) book.groups.set(String(act.details.host_group), act)
  if (act.code === memberCode) book.hosts.set(String(act.details.host_id), act)
}

/** What the newest version of a group says and its last line does not; undefined: they agree. */
export function unsaidOfGroup(row: GroupVersionRow, { groups }: FleetBook): string | undefined {
  const last = groups.get(row.group_name)
  if (last === undefined) return 'no line of the ledger sets it'
  const { host_group_version: version, host_group_digest: digest } = last.details
  if (version !== row.version) return `its last line is of version ${String(version)}, and the row of ${row.version}`
  return digest === row.digest ? undefined : 'its last line has another digest'
}

/** The same of the groups that a host is in; `row` undefined: the database knows of none. */
export function unsaidOfMember(
  hostId: string,
  row: HostGroupsRow | undefined,
  { hosts }: FleetBook,
): string | undefined {
  const last = hosts.get(hostId)
  const said = JSON.stringify(last?.details.host_groups ?? [])
  const has = row?.groups ?? '[]'
  return said === has ? undefined : `its last line says ${said}, and the row ${has}`
}

// SPDX-License-Identifier: Apache-2.0

import type { Reader } from '../identity/index.ts'
import { across } from '../store/index.ts'

export type Grant = {
  readonly tenant: string
  readonly personId: string
  readonly role: string
  readonly grantedAt: string
  /** `kind:id` of who did; `group:NAME` where the provider says so. */
  readonly grantedBy: string
}

export const ofGroup = (group: string) => `group:${group}`

/** What the person holds in all tenants, and what was taken from them on a full disk that kept it. */
export async function storedOf(db: Reader, personId: string): Promise<Grant[]> {
  const rows = across(db, 'person').selectFrom('grants').selectAll().where('person_id', '=', personId)
  return (await rows.execute()).map(grantOf)
}

/** The same, of what a group gave in a tenant. */
export async function storedByGroup(
  db: Reader,
  { tenant, group, role }: { readonly tenant: string; readonly group: string; readonly role: string },
): Promise<Grant[]> {
  const rows = db
    .selectFrom('grants')
    .selectAll()
    .where('tenant', '=', tenant)
    .where('role', '=', role)
    .where('granted_by', '=', ofGroup(group))
  return (await rows.execute()).map(grantOf)
}

export const grantOf = (row: {
  tenant: string
  person_id: string
  role: string
  granted_at: string
  granted_by: string
}): Grant => ({
  tenant: row.tenant,
  personId: row.person_id,
  role: row.role,
  grantedAt: row.granted_at,
  grantedBy: row.granted_by,
})

// SPDX-License-Identifier: Apache-2.0
// What a transaction that gives or removes a role finds in the database, where nothing changes meanwhile.

import type { Reader } from '../identity/index.ts'
import type { Tx } from '../store/index.ts'
import { type Action, isAction, type StandingRole, standingActions, standingRoles } from './actions.ts'
import { accessError, perTenantMax } from './errors.ts'

export const isStandingRole = (name: string): name is StandingRole =>
  (standingRoles as readonly string[]).includes(name)

/** A custom role as grants name it: no name of one is that of a standing role. */
export const customRole = (name: string) => `${customPrefix}${name}`
export const customPrefix = 'custom/'

/** Within the transaction that gives it. Throws ROLE_UNKNOWN. */
export async function checkRole(tx: Tx, tenant: string, role: string, attempted: string): Promise<void> {
  const isThere = role.startsWith(customPrefix)
    ? (await ofRole(tx, tenant, role.slice(customPrefix.length)).executeTakeFirst()) !== undefined
    : isStandingRole(role) && standingActions(role, tenant).length > 0
  if (!isThere) throw accessError('ROLE_UNKNOWN', { attempted, received: role })
}

/** By somebody, or by a group that stands for it. */
export async function isInUse(tx: Tx, tenant: string, role: string): Promise<boolean> {
  for (const table of ['grants', 'group_roles'] as const) {
    const query = tx.selectFrom(table).select('role').where('tenant', '=', tenant).where('role', '=', role)
    if ((await query.executeTakeFirst()) !== undefined) return true
  }
  return false
}

export const ofRole = (db: Reader, tenant: string, name: string) =>
  db.selectFrom('custom_roles').select('actions').where('tenant', '=', tenant).where('name', '=', name)

export const actionsIn = (text: string): Action[] => (JSON.parse(text) as string[]).filter(isAction)

export type GroupRole = { readonly tenant: string; readonly group: string; readonly role: string }

/** Whether the group stands for the role. */
export async function standsFor(db: Reader, { tenant, group, role }: GroupRole): Promise<boolean> {
  const row = await db
    .selectFrom('group_roles')
    .select('role')
    .where('tenant', '=', tenant)
    .where('group_name', '=', group)
    .where('role', '=', role)
    .executeTakeFirst()
  return row !== undefined
}

/** Throws ROLE_UNKNOWN where the group does not stand for it any more. */
export async function checkGroup(tx: Tx, row: GroupRole, attempted: string): Promise<void> {
  if (!(await standsFor(tx, row)))
    throw accessError('ROLE_UNKNOWN', { attempted, received: `${row.role} of the group ${row.group}` })
}

const rowsMax = { grants: perTenantMax.grants, group_roles: perTenantMax.grants, custom_roles: perTenantMax.roles }

/** Once the row was written: of all who write at the same time nobody comes to stand beyond. Throws ACCESS_TOO_MANY. */
export async function checkCount(
  tx: Tx,
  table: keyof typeof rowsMax,
  tenant: string,
  attempted: string,
): Promise<void> {
  const { rows } = await tx
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<number>().as('rows'))
    .where('tenant', '=', tenant)
    .executeTakeFirstOrThrow()
  if (rows > rowsMax[table]) throw accessError('ACCESS_TOO_MANY', { attempted, received: `${rows - 1} rows` })
}

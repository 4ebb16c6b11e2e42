// SPDX-License-Identifier: Apache-2.0

import { type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import { across, type Tx } from '../store/index.ts'
import { tenantError } from '../tenants/index.ts'
import { accessError } from './errors.ts'
import type { Authorised } from './gate.ts'
import { storedByGroup } from './grant-rows.ts'
import type { Grants } from './grants.ts'
import { nameOf } from './principal.ts'
import { checkCount, checkRole, type GroupRole, standsFor } from './role-rows.ts'
import { signInError } from './sign-in/errors.ts'
import { standing } from './standing.ts'

export type { GroupRole } from './role-rows.ts'

/** Which roles a group of the provider stands for, tenant by tenant. */
export type GroupRoles = {
  /** Of the tenant; of all, in the tenant `cluster`. */
  list(by: Authorised<'member:list'>): GroupRole[]
  /**
   * From the next log-in of each of its people on. A group is the provider's, and its people may be of any tenant: so an
   * admin of the deployment says which tenant gets to know them. Throws TENANT_UNKNOWN, ROLE_UNKNOWN, GROUP_NAME or
   * ACCESS_TOO_MANY.
   */
  put(by: Authorised<'group:map'>, row: GroupRole): Promise<Recorded>
  /** Counts at once, for all to whom the group gave it. Throws GRANT_UNKNOWN. */
  remove(by: Authorised<'group:map'>, row: GroupRole): Promise<Recorded>
  /** Brings what a person's groups give up to date. */
  apply(personId: string, groups: readonly string[], requestId: string): Promise<void>
  forgetTenant(tenant: string): void
}

/** As providers write them: names, paths, object ids. No control or format character, which nobody could see. */
const groupForm = /^[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u

export async function openGroupRoles(
  options: RecordOptions & {
    readonly grants: Grants
    readonly stateOf: (tenant: string) => 'active' | 'suspended' | undefined
  },
): Promise<GroupRoles> {
  const { store, grants, stateOf } = options
  const rows = new Map<string, GroupRole>()
  const stand = standing<GroupRole, GroupRole>({
    read: async (db, row) => ((await standsFor(db, row)) ? row : undefined),
    put: (row) => rows.set(keyOf(row), row),
    drop: (row) => rows.delete(keyOf(row)),
  })
  const keyOf = ({ tenant, group, role }: GroupRole) => JSON.stringify([tenant, group, role])
  for (const { tenant, group_name: group, role } of await across(store.db, 'start')
    .selectFrom('group_roles')
    .selectAll()
    .execute())
    rows.set(keyOf({ tenant, group, role }), { tenant, group, role })
  const rowsOf = (tenant: string) => [...rows.values()].filter((row) => row.tenant === tenant)

  function act(by: Authorised, { tenant, group, role }: GroupRole, verb: 'create' | 'delete') {
    const told = verb === 'create' ? 'stands for' : 'no longer stands for'
    return {
      code: verb === 'create' ? 'group_role_written' : 'group_role_removed',
      component: 'access',
      tenant,
      by: { name: nameOf(by.principal), requestId: by.requestId },
      verb,
      severity: 'medium',
      message: `the group ${group} of the provider ${told} the role ${role} in the tenant ${tenant}`,
      entity: { type: 'Group Role', uid: `${tenant}/${group}/${role}` },
      details: { role, grantee: `group:${group}` },
    } as const
  }

  return {
    list: ({ tenant }) => (tenant === 'cluster' ? [...rows.values()] : rowsOf(tenant)),
    put: async (by, row) => {
      const { tenant, group, role } = row
      const attempted = `giving ${role} to the group ${group}`
      if (!groupForm.test(group)) throw signInError('GROUP_NAME', { attempted, received: group })
      if (stateOf(tenant) === undefined) throw tenantError('TENANT_UNKNOWN', { attempted, received: tenant })
      grants.checkRole(tenant, role, attempted)
      return recordAct(
        options,
        act(by, row, 'create'),
        async (tx) => {
          await checkRole(tx, tenant, role, attempted)
          await tx
            .insertInto('group_roles')
            .values({ tenant, group_name: group, role })
            .onConflict((conflict) => conflict.doNothing())
            .execute()
          await checkCount(tx, 'group_roles', tenant, attempted)
        },
        stand.give(row),
      )
    },
    remove: async (by, row) => {
      const { tenant, group, role } = row
      const attempted = `taking ${role} from the group ${group}`
      const change = async (tx: Tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('group_roles')
          .where('tenant', '=', tenant)
          .where('group_name', '=', group)
          .where('role', '=', role)
          .executeTakeFirst()
        // What it gave may be left where the database was full meanwhile.
        if (numDeletedRows === 0n && (await storedByGroup(tx, row)).length === 0)
          throw accessError('GRANT_UNKNOWN', { attempted, received: role })
      }
      try {
        return await recordAct(options, act(by, row, 'delete'), change, stand.take(row))
      } finally {
        await grants.takeGroup(tenant, group, role, { name: nameOf(by.principal), requestId: by.requestId })
      }
    },
    forgetTenant: (tenant) => {
      for (const row of rowsOf(tenant)) rows.delete(keyOf(row))
    },
    apply: async (personId, groups, requestId) => {
      const own = new Set(groups)
      await grants.byGroups(
        personId,
        [...rows.values()].filter(({ group }) => own.has(group)),
        requestId,
      )
    },
  }
}

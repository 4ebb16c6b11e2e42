// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { roleName } from '@sealwatch/contract'
import { type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import { across } from '../store/index.ts'
import { type Action, notGrantable, standingActions, standingRoles } from './actions.ts'
import { type CustomRole, faultsIn } from './cedar.ts'
import { accessError } from './errors.ts'
import type { Authorised, Gate } from './gate.ts'
import { nameOf } from './principal.ts'
import { actionsIn, checkCount, customPrefix, customRole, isInUse, isStandingRole, ofRole } from './role-rows.ts'
import { standing } from './standing.ts'

export type RoleRow = { readonly name: string; readonly custom: boolean; readonly actions: readonly Action[] }

export type Roles = {
  list(by: Authorised<'role:list'>): RoleRow[]
  /** Makes or changes a custom role. Throws ROLE_INVALID, GRANT_BEYOND_OWN or ACCESS_TOO_MANY. */
  put(by: Authorised<'role:write'>, name: string, may: readonly string[]): Promise<Recorded>
  /** Throws ROLE_UNKNOWN or ROLE_IN_USE. */
  remove(by: Authorised<'role:write'>, name: string): Promise<Recorded>
  of(tenant: string): readonly CustomRole[]
  /** What the role allows in the tenant; undefined: there is none of that name. */
  actionsOf(tenant: string, role: string): readonly Action[] | undefined
  forgetTenant(tenant: string): void
}

export async function openRoles(options: RecordOptions & { readonly gate: () => Gate }): Promise<Roles> {
  const { store, gate } = options
  const roles = new Map<string, Map<string, readonly Action[]>>()
  for (const { tenant, name, actions: text } of await across(store.db, 'start')
    .selectFrom('custom_roles')
    .selectAll()
    .execute())
    set(tenant, name, actionsIn(text))

  function set(tenant: string, name: string, may: readonly Action[]): void {
    roles.set(tenant, (roles.get(tenant) ?? new Map()).set(name, may))
  }
  const rows = standing<{ readonly tenant: string; readonly name: string }, readonly Action[]>({
    read: async (db, { tenant, name }) => {
      const row = await ofRole(db, tenant, name).executeTakeFirst()
      return row && actionsIn(row.actions)
    },
    put: ({ tenant, name }, may) => {
      set(tenant, name, may)
      gate().changed(tenant)
    },
    drop: ({ tenant, name }) => {
      const was = roles.get(tenant)?.delete(name) === true
      gate().changed(tenant)
      return was
    },
  })
  const of = (tenant: string): CustomRole[] =>
    Array.from(roles.get(tenant) ?? [], ([name, may]) => ({ name, actions: may }))

  function checked(by: Authorised, name: string, may: readonly string[]): Action[] {
    const attempted = `writing the role ${name}`
    if (!roleName.form.test(name) || isStandingRole(name))
      throw accessError('ROLE_INVALID', { attempted, received: `the name ${name}` })
    const refused = notGrantable(may, 'roles of your own')
    if (refused !== undefined) throw accessError('ROLE_INVALID', { attempted, received: refused })
    const wanted = [...new Set(may)].sort() as Action[]
    checkOwn(gate(), by, wanted, attempted)
    const faults = faultsIn(by.tenant, [{ name, actions: wanted }])
    if (faults.length > 0) throw accessError('ROLE_INVALID', { attempted, received: faults.join('; ') })
    return wanted
  }

  return {
    of,
    forgetTenant: (tenant) => void roles.delete(tenant),
    actionsOf: (tenant, role) => {
      if (role.startsWith(customPrefix)) return roles.get(tenant)?.get(role.slice(customPrefix.length))
      return isStandingRole(role) ? standingActions(role, tenant) : undefined
    },
    list: ({ tenant }) => [
      ...standingRoles
        .map((name) => ({ name, custom: false, actions: standingActions(name, tenant) }))
        .filter(({ actions: may }) => may.length > 0),
      ...of(tenant).map(({ name, actions: may }) => ({ name: customRole(name), custom: true, actions: may })),
    ],
    put: async (by, name, may) => {
      const wanted = checked(by, name, may)
      const { tenant } = by
      const had = roles.get(tenant)
      return recordAct(
        options,
        {
          code: 'role_written',
          component: 'access',
          tenant,
          by: { name: nameOf(by.principal), requestId: by.requestId },
          verb: had?.has(name) === true ? 'update' : 'create',
          severity: 'medium',
          message: `the role ${name} of the tenant ${tenant} may now: ${wanted.join(', ')}`,
          entity: { type: 'Role', uid: `${tenant}/${name}` },
          details: { role: customRole(name), role_actions: wanted },
        },
        async (tx, timeNs) => {
          const row = { actions: JSON.stringify(wanted), updated_at: rfc3339(timeNs) }
          await tx
            .insertInto('custom_roles')
            .values({ tenant, name, ...row })
            .onConflict((conflict) => conflict.columns(['tenant', 'name']).doUpdateSet(row))
            .execute()
          await checkCount(tx, 'custom_roles', tenant, `writing the role ${name}`)
        },
        rows.give({ tenant, name }),
      )
    },
    remove: async (by, name) => {
      const { tenant } = by
      const attempted = `removing the role ${name}`
      return recordAct(
        options,
        {
          code: 'role_removed',
          component: 'access',
          tenant,
          by: { name: nameOf(by.principal), requestId: by.requestId },
          verb: 'delete',
          severity: 'medium',
          message: `the role ${name} of the tenant ${tenant} was removed`,
          entity: { type: 'Role', uid: `${tenant}/${name}` },
          details: { role: customRole(name) },
        },
        async (tx) => {
          if (await isInUse(tx, tenant, customRole(name)))
            throw accessError('ROLE_IN_USE', { attempted, received: name })
          const { numDeletedRows } = await tx
            .deleteFrom('custom_roles')
            .where('tenant', '=', tenant)
            .where('name', '=', name)
            .executeTakeFirst()
          if (numDeletedRows === 0n) throw accessError('ROLE_UNKNOWN', { attempted, received: name })
        },
        rows.take({ tenant, name }),
      )
    },
  }
}

/** Nobody hands on more than they have. Throws GRANT_BEYOND_OWN. */
export function checkOwn(gate: Gate, by: Authorised, may: readonly Action[], attempted: string): void {
  const beyond = may.filter((action) => !gate.mayDo(by.principal, action, by.tenant))
  if (beyond.length > 0) throw accessError('GRANT_BEYOND_OWN', { attempted, received: beyond.join(', ') })
}

// SPDX-License-Identifier: Apache-2.0

import { rfc3339 } from '@sealwatch/base'
import { type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import { across } from '../store/index.ts'
import { accessError, perTenantMax } from './errors.ts'
import type { Authorised, Gate } from './gate.ts'
import { nameOf, type Principal } from './principal.ts'
import { checkOwn, type Roles } from './roles.ts'

export type Grant = {
  readonly tenant: string
  readonly personId: string
  readonly role: string
  readonly grantedAt: string
  /** `kind:id` of who did; `group:NAME` where the provider says so. */
  readonly grantedBy: string
}

/** Who holds which role in which tenant. */
export type Grants = {
  list(by: Authorised<'member:list'>): Grant[]
  /** What the person holds in all tenants. */
  of(by: Authorised<'person:list'>, personId: string): Grant[]
  /** Throws ROLE_UNKNOWN, GRANT_BEYOND_OWN or ACCESS_TOO_MANY. What is held already stays as it is. */
  grant(by: Authorised<'member:grant'>, personId: string, role: string): Promise<Recorded>
  /** Counts at once. Throws GRANT_UNKNOWN or GRANT_LAST_ADMIN. */
  revoke(by: Authorised<'member:grant'>, personId: string, role: string): Promise<Recorded>
  /** A cluster admin names the first admin of a tenant, whose data stay closed to himself. */
  appoint(by: Authorised<'tenant:appoint'>, tenant: string, personId: string): Promise<Recorded>
  /** What somebody may hand on, to a person who has yet to come. Throws ROLE_UNKNOWN or GRANT_BEYOND_OWN. */
  checkGive(by: Authorised<'member:grant' | 'member:invite'>, role: string): void
  /** Throws ROLE_UNKNOWN where the tenant has no such role. */
  checkRole(tenant: string, role: string, attempted: string): void
  /** What came with a log-in link; `by` made that. */
  begin(personId: string, grants: readonly Held[], by: Giver): Promise<void>
  /** Gives what is due by groups of the provider, and takes what was by others. */
  byGroups(personId: string, due: readonly (Held & { readonly group: string })[], requestId: string): Promise<void>
  /** Takes what the group gave in the tenant. */
  takeGroup(tenant: string, group: string, role: string, by: Giver): Promise<void>
  /** Of somebody who is to be forgotten. */
  takeAll(personId: string, by: Giver): Promise<void>
  /** Of persons; what tokens and hosts may does not come from here. */
  rolesOf(principal: Principal, tenant: string): readonly string[]
  /** The tenants in which the person holds anything and that are not suspended, in order. */
  tenantsOf(personId: string): string[]
  /**
   * Where a session begins: in the tenant that was used last, else the first that somebody gave by hand, else the first by
   * name; at the deployment only where there is nothing else. Undefined: they hold nothing.
   */
  firstOf(personId: string, last: string | null): string | undefined
  isHeld(tenant: string, role: string): boolean
  /** Of a tenant that goes; its rows go with all others of it. */
  forgetTenant(tenant: string): void
}

/** A role of a tenant. */
export type Held = Pick<Grant, 'tenant' | 'role'>
export type Giver = { readonly name: string; readonly requestId: string }

const none: readonly string[] = []
const ofGroup = (group: string) => `group:${group}`

export async function openGrants(
  options: RecordOptions & {
    readonly gate: () => Gate
    readonly roles: () => Roles
    readonly stateOf: (tenant: string) => 'active' | 'suspended' | undefined
  },
): Promise<Grants> {
  const { store, gate, roles } = options
  // tenant -> person -> role -> grant
  const held = new Map<string, Map<string, Map<string, Grant>>>()
  for (const row of await across(store.db, 'start').selectFrom('grants').selectAll().execute()) set(grantOf(row))

  function set(grant: Grant): void {
    const people = held.get(grant.tenant) ?? new Map<string, Map<string, Grant>>()
    held.set(grant.tenant, people.set(grant.personId, (people.get(grant.personId) ?? new Map()).set(grant.role, grant)))
  }
  const grantsIn = (tenant: string) => [...(held.get(tenant)?.values() ?? [])].flatMap((byRole) => [...byRole.values()])

  async function give(tenant: string, personId: string, role: string, by: Giver): Promise<Recorded> {
    const attempted = `granting ${role} in the tenant ${tenant} to ${personId}`
    if (grantsIn(tenant).length >= perTenantMax.grants)
      throw accessError('ACCESS_TOO_MANY', { attempted, received: `${perTenantMax.grants} grants` })
    let grant: Grant | undefined
    return recordAct(
      options,
      {
        code: 'role_granted',
        component: 'access',
        tenant,
        by,
        verb: 'create',
        severity: 'medium',
        message: `${personId} was granted the role ${role} in the tenant ${tenant}`,
        entity: { type: 'Grant', uid: `${tenant}/${personId}/${role}` },
        details: { role, grantee: personId },
      },
      async (tx, timeNs) => {
        const row = { tenant, person_id: personId, role, granted_at: rfc3339(timeNs), granted_by: by.name }
        await tx
          .insertInto('grants')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        grant = grantOf(row)
      },
      () => {
        set(grant as Grant)
        gate().changed()
      },
    )
  }

  function checkRole(tenant: string, role: string, attempted: string) {
    const may = roles().actionsOf(tenant, role)
    if (may === undefined || may.length === 0) throw accessError('ROLE_UNKNOWN', { attempted, received: role })
    return may
  }

  function checkGive(by: Authorised, role: string, attempted: string): void {
    checkOwn(gate(), by, checkRole(by.tenant, role, attempted), attempted)
  }

  /** What is taken counts at once. Throws GRANT_UNKNOWN. */
  async function take({ tenant, personId, role }: Pick<Grant, 'tenant' | 'personId' | 'role'>, by: Giver) {
    return recordAct(
      options,
      {
        code: 'role_taken',
        component: 'access',
        tenant,
        by,
        verb: 'delete',
        severity: 'medium',
        message: `the role ${role} in the tenant ${tenant} was taken from ${personId}`,
        entity: { type: 'Grant', uid: `${tenant}/${personId}/${role}` },
        details: { role, grantee: personId },
      },
      async (tx) => {
        const { numDeletedRows } = await tx
          .deleteFrom('grants')
          .where('tenant', '=', tenant)
          .where('person_id', '=', personId)
          .where('role', '=', role)
          .executeTakeFirst()
        if (numDeletedRows === 0n)
          throw accessError('GRANT_UNKNOWN', { attempted: `taking ${role} from ${personId}`, received: role })
        held.get(tenant)?.get(personId)?.delete(role)
        gate().changed()
      },
    )
  }

  const tenantsOf = (personId: string) =>
    [...held]
      .filter(([tenant, people]) => options.stateOf(tenant) === 'active' && (people.get(personId)?.size ?? 0) > 0)
      .map(([tenant]) => tenant)
      .sort()

  const isHeldBy = (personId: string, { tenant, role }: Held) => held.get(tenant)?.get(personId)?.has(role) === true

  return {
    list: ({ tenant }) => grantsIn(tenant),
    of: (_by, personId) => [...held.values()].flatMap((people) => [...(people.get(personId)?.values() ?? [])]),
    grant: async (by, personId, role) => {
      const attempted = `granting ${role} to ${personId}`
      checkGive(by, role, attempted)
      return give(by.tenant, personId, role, { name: nameOf(by.principal), requestId: by.requestId })
    },
    appoint: (by, tenant, personId) =>
      give(tenant, personId, 'tenant_admin', { name: nameOf(by.principal), requestId: by.requestId }),
    checkRole: (tenant, role, attempted) => void checkRole(tenant, role, attempted),
    checkGive: (by, role) => checkGive(by, role, `handing on ${role}`),
    begin: async (personId, grants, by) => {
      for (const grant of grants.filter(({ tenant }) => options.stateOf(tenant) !== undefined))
        if (!isHeldBy(personId, grant)) await give(grant.tenant, personId, grant.role, by)
    },
    byGroups: async (personId, due, requestId) => {
      const given = [...held.values()]
        .flatMap((people) => [...(people.get(personId)?.values() ?? [])])
        .filter(({ grantedBy }) => grantedBy.startsWith(ofGroup('')))
      for (const grant of given)
        if (!due.some(({ tenant, role }) => tenant === grant.tenant && role === grant.role))
          await take(grant, { name: grant.grantedBy, requestId })
      for (const one of due)
        if (!isHeldBy(personId, one))
          await give(one.tenant, personId, one.role, { name: ofGroup(one.group), requestId })
    },
    takeGroup: async (tenant, group, role, by) => {
      for (const grant of grantsIn(tenant))
        if (grant.role === role && grant.grantedBy === ofGroup(group)) await take(grant, by)
    },
    takeAll: async (personId, by) => {
      for (const people of held.values())
        for (const grant of [...(people.get(personId)?.values() ?? [])]) await take(grant, by)
    },
    revoke: async (by, personId, role) => {
      const { tenant } = by
      const attempted = `taking ${role} from ${personId}`
      const byRole = held.get(tenant)?.get(personId)
      if (byRole?.has(role) !== true) throw accessError('GRANT_UNKNOWN', { attempted, received: role })
      const admin = tenant === 'cluster' ? 'cluster_admin' : 'tenant_admin'
      if (role === admin && grantsIn(tenant).filter((grant) => grant.role === admin).length === 1)
        throw accessError('GRANT_LAST_ADMIN', { attempted, received: `the last ${admin}` })
      return take({ tenant, personId, role }, { name: nameOf(by.principal), requestId: by.requestId })
    },
    rolesOf: (principal, tenant) => {
      if (principal.kind !== 'person') return none
      const byRole = held.get(tenant)?.get(principal.id)
      return byRole === undefined ? none : [...byRole.keys()]
    },
    tenantsOf,
    firstOf: (personId, last) => {
      const tenants = tenantsOf(personId)
      if (last !== null && tenants.includes(last)) return last
      const own = tenants.filter((tenant) => tenant !== 'cluster')
      const [first] = own
        .flatMap((tenant) => [...(held.get(tenant)?.get(personId)?.values() ?? [])])
        .filter(({ grantedBy }) => !grantedBy.startsWith(ofGroup('')))
        .toSorted((a, b) => (a.grantedAt < b.grantedAt ? -1 : 1))
      return first?.tenant ?? own[0] ?? tenants[0]
    },
    isHeld: (tenant, role) => grantsIn(tenant).some((grant) => grant.role === role),
    forgetTenant: (tenant) => void held.delete(tenant),
  }
}

const grantOf = (row: {
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

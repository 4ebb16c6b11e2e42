// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, rfc3339 } from '@sealwatch/base'
import { type Act, actEvent, auditTenant, type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import { across, type Tx } from '../store/index.ts'
import { tenantError } from '../tenants/index.ts'
import { accessError } from './errors.ts'
import type { Authorised, Gate } from './gate.ts'
import { type Grant, grantOf, ofGroup, storedByGroup, storedOf } from './grant-rows.ts'
import { nameOf, type Principal } from './principal.ts'
import { checkCount, checkGroup, checkRole } from './role-rows.ts'
import { checkOwn, type Roles } from './roles.ts'
import { checkKnown } from './sign-in/people.ts'
import { standing } from './standing.ts'

export type { Grant } from './grant-rows.ts'

/** Who holds which role in which tenant. */
export type Grants = {
  list(by: Authorised<'member:list'>): Grant[]
  /** What the person holds in all tenants. */
  of(by: Authorised<'person:list'>, personId: string): Grant[]
  /**
   * Throws ROLE_UNKNOWN, GRANT_BEYOND_OWN or ACCESS_TOO_MANY. What is held already stays as it is, but what a group gave
   * does not go with the group any more.
   */
  grant(by: Authorised<'member:grant'>, personId: string, role: string): Promise<Recorded>
  /** Counts at once. Throws GRANT_UNKNOWN or GRANT_LAST_ADMIN. */
  revoke(by: Authorised<'member:grant'>, personId: string, role: string): Promise<Recorded>
  /**
   * An admin of the deployment names the first admin of a tenant, whose data stay closed to himself: it is told of in both
   * ledgers, and not done again while somebody holds that role, disabled or not. Throws TENANT_UNKNOWN, APPOINT_HELD,
   * APPOINT_OWN or PERSON_UNKNOWN.
   */
  appoint(by: Authorised<'tenant:appoint'>, tenant: string, personId: string): Promise<Recorded>
  /** Whether somebody holds the role, disabled or not: without, one can be appointed. */
  hasAdmin(by: Authorised<'tenant:list'>, tenant: string): boolean
  /** Whoever is an admin of the tenant, in `cluster` of the deployment: their ids. */
  adminsOf(tenant: string): string[]
  /** What somebody may hand on, to a person who has yet to come. Throws ROLE_UNKNOWN or GRANT_BEYOND_OWN. */
  checkGive(by: Authorised<'member:grant' | 'member:invite'>, role: string): void
  /** Throws ROLE_UNKNOWN where the tenant has no such role. */
  checkRole(tenant: string, role: string, attempted: string): void
  /** What came with a log-in link; `by` made that. */
  begin(personId: string, grants: readonly Held[], by: Giver): Promise<void>
  /** Gives what is due by groups of the provider, and takes what was by others. */
  byGroups(personId: string, due: readonly (Held & { readonly group: string })[], requestId: string): Promise<void>
  /** Takes what the group gave in the tenant, from all at once. */
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
  /** Of a tenant that goes; its rows go with all others of it. */
  forgetTenant(tenant: string): void
}

/** A role of a tenant. */
export type Held = Pick<Grant, 'tenant' | 'role'>
export type Giver = { readonly name: string; readonly requestId: string }

type Key = Pick<Grant, 'tenant' | 'personId' | 'role'>

const adminOf = (tenant: string) => (tenant === auditTenant ? 'cluster_admin' : 'tenant_admin')

async function checkNobody(tx: Tx, { tenant, role }: Held, attempted: string): Promise<void> {
  const held = await tx
    .selectFrom('grants')
    .select('person_id')
    .where('tenant', '=', tenant)
    .where('role', '=', role)
    .limit(1)
    .executeTakeFirst()
  if (held !== undefined) throw accessError('APPOINT_HELD', { attempted, received: `a tenant with a ${role}` })
}

const none: readonly string[] = []

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

  const rows = standing<Key, Grant>({
    read: async (db, { tenant, personId, role }) => {
      const row = await db
        .selectFrom('grants')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('person_id', '=', personId)
        .where('role', '=', role)
        .executeTakeFirst()
      return row && grantOf(row)
    },
    put: (_key, grant) => {
      set(grant)
      gate().changed()
    },
    drop: ({ tenant, personId, role }) => {
      const was = held.get(tenant)?.get(personId)?.delete(role) === true
      gate().changed()
      return was
    },
  })

  /** `within`: what else is done in the transaction, before. */
  async function give(
    { tenant, personId, role }: Key,
    by: Giver,
    {
      group,
      within,
    }: { readonly group?: string | undefined; readonly within?: (tx: Tx, act: Act) => Promise<void> } = {},
  ): Promise<Recorded> {
    const attempted = `granting ${role} in the tenant ${tenant} to ${personId}`
    const act = {
      code: 'role_granted',
      component: 'access',
      tenant,
      by,
      verb: 'create',
      severity: 'medium',
      message: `${personId} was granted the role ${role} in the tenant ${tenant}`,
      entity: { type: 'Grant', uid: `${tenant}/${personId}/${role}` },
      details: { role, grantee: personId },
    } as const
    return recordAct(
      options,
      act,
      async (tx, timeNs) => {
        await within?.(tx, { ...act, timeNs })
        await checkRole(tx, tenant, role, attempted)
        if (group !== undefined) await checkGroup(tx, { tenant, role, group }, attempted)
        const given = { granted_at: rfc3339(timeNs), granted_by: by.name }
        await tx
          .insertInto('grants')
          .values({ tenant, person_id: personId, role, ...given })
          .onConflict((conflict) =>
            group !== undefined
              ? conflict.doNothing()
              : conflict
                  .columns(['tenant', 'person_id', 'role'])
                  .doUpdateSet(given)
                  .where('grants.granted_by', 'like', `${ofGroup('')}%`),
          )
          .execute()
        await checkCount(tx, 'grants', tenant, attempted)
      },
      rows.give({ tenant, personId, role }),
    )
  }

  /** What groups and links give, they give as far as it is there still. */
  async function giveIfThere(key: Key, by: Giver, group?: string): Promise<void> {
    await give(key, by, { group }).catch((error: unknown) => {
      if (!isSealwatchError(error, 'ROLE_UNKNOWN')) throw error
    })
  }

  function checkThere(tenant: string, role: string, attempted: string) {
    const may = roles().actionsOf(tenant, role)
    if (may === undefined || may.length === 0) throw accessError('ROLE_UNKNOWN', { attempted, received: role })
    return may
  }

  function checkGive(by: Authorised, role: string, attempted: string): void {
    checkOwn(gate(), by, checkThere(by.tenant, role, attempted), attempted)
  }

  /** What is taken counts at once. Throws GRANT_UNKNOWN, and what `check` throws. `grantedBy`: where it is still theirs. */
  async function take({ tenant, personId, role }: Key, by: Giver, check?: () => void, grantedBy?: string) {
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
        check?.()
        const own = tx
          .deleteFrom('grants')
          .where('tenant', '=', tenant)
          .where('person_id', '=', personId)
          .where('role', '=', role)
        const { numDeletedRows } = await (grantedBy === undefined
          ? own
          : own.where('granted_by', '=', grantedBy)
        ).executeTakeFirst()
        if (numDeletedRows === 0n)
          throw accessError('GRANT_UNKNOWN', { attempted: `taking ${role} from ${personId}`, received: role })
      },
      rows.take({ tenant, personId, role }),
    )
  }

  /** Of a group: what somebody gave by hand meanwhile stays. */
  async function takeOfGroup(grant: Grant, by: Giver): Promise<void> {
    await take(grant, by, undefined, grant.grantedBy).catch((error: unknown) => {
      if (!isSealwatchError(error, 'GRANT_UNKNOWN')) throw error
    })
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
      return give({ tenant: by.tenant, personId, role }, { name: nameOf(by.principal), requestId: by.requestId })
    },
    appoint: async ({ principal, requestId }, tenant, personId) => {
      const attempted = `appointing ${personId} as admin of the tenant ${tenant}`
      if (options.stateOf(tenant) === undefined) throw tenantError('TENANT_UNKNOWN', { attempted, received: tenant })
      if (principal.kind === 'person' && principal.id === personId)
        throw accessError('APPOINT_OWN', { attempted, received: personId })
      const role = adminOf(tenant)
      const within = async (tx: Tx, act: Act) => {
        await checkNobody(tx, { tenant, role }, attempted)
        await checkKnown(tx, personId, attempted)
        if (tenant !== auditTenant)
          await options.outbox.enqueue(tx, auditTenant, actEvent(options.voice, { ...act, tenant: auditTenant }))
      }
      return give({ tenant, personId, role }, { name: nameOf(principal), requestId }, { within })
    },
    adminsOf: (tenant) => {
      const role = adminOf(tenant)
      return [...(held.get(tenant) ?? [])].flatMap(([personId, byRole]) => (byRole.has(role) ? [personId] : []))
    },
    hasAdmin: (_by, tenant) => {
      const role = adminOf(tenant)
      return (
        held
          .get(tenant)
          ?.values()
          .some((byRole) => byRole.has(role)) === true
      )
    },
    checkRole: (tenant, role, attempted) => void checkThere(tenant, role, attempted),
    checkGive: (by, role) => checkGive(by, role, `handing on ${role}`),
    begin: async (personId, grants, by) => {
      for (const grant of grants.filter(({ tenant }) => options.stateOf(tenant) !== undefined))
        if (!isHeldBy(personId, grant)) await giveIfThere({ ...grant, personId }, by)
    },
    byGroups: async (personId, due, requestId) => {
      for (const grant of await storedOf(store.db, personId))
        if (
          grant.grantedBy.startsWith(ofGroup('')) &&
          !due.some(({ tenant, role }) => tenant === grant.tenant && role === grant.role)
        )
          await takeOfGroup(grant, { name: grant.grantedBy, requestId })
      for (const one of due)
        if (!isHeldBy(personId, one))
          await giveIfThere({ ...one, personId }, { name: ofGroup(one.group), requestId }, one.group)
    },
    takeGroup: async (tenant, group, role, by) => {
      await all((await storedByGroup(store.db, { tenant, group, role })).map((grant) => takeOfGroup(grant, by)))
    },
    takeAll: async (personId, by) => all((await storedOf(store.db, personId)).map((one) => take(one, by))),
    revoke: async (by, personId, role) => {
      const { tenant } = by
      const admin = adminOf(tenant)
      const checkLast = () => {
        const admins = grantsIn(tenant).filter((grant) => grant.role === admin)
        if (role === admin && admins.length === 1 && admins[0]?.personId === personId)
          throw accessError('GRANT_LAST_ADMIN', {
            attempted: `taking ${role} from ${personId}`,
            received: `the last ${admin}`,
          })
      }
      return take({ tenant, personId, role }, { name: nameOf(by.principal), requestId: by.requestId }, checkLast)
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
    forgetTenant: (tenant) => void held.delete(tenant),
  }
}

/** Each is tried, whatever becomes of the others; then the first failure is thrown. */
async function all(works: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}

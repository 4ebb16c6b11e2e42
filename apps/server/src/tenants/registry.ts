// SPDX-License-Identifier: Apache-2.0

import { type Clock, type Log, rfc3339 } from '@sealwatch/base'
import { nearest } from '@sealwatch/contract/nearest'
import { across, type Store, type Tables } from '../store/index.ts'
import { tenantError, tenantErrors } from './errors.ts'
import { standingTenants, type Tenant } from './tenant.ts'

/** The tenants of this deployment, as they stand now. */
export type TenantRegistry = {
  list(): Tenant[]
  find(name: string): Tenant | undefined
  /** For whom no tenant is a secret. Throws TENANT_UNKNOWN, with the one that was meant; an erased one is found. */
  get(name: string): Tenant
  /** The same, of a tenant to act in: one that is being erased, or was, is refused (TENANT_STATE). */
  checkOpen(name: string, attempted: string): void
  /** Undefined where there is none, or nothing of it is to be asked for any more. */
  stateOf(name: string): 'active' | 'suspended' | undefined
  /** Throws TENANT_UNKNOWN or TENANT_SUSPENDED unless it takes what hosts and people bring. */
  checkActive(name: string, attempted: string): void
  /** What a transaction wrote. */
  set(tenant: Tenant): void
}

export type RegistryOptions = {
  readonly store: Store
  /** Tenants whose ledger lies on the disk. */
  readonly withLedger: ReadonlySet<string>
  /** By order of the cluster's ledger. */
  readonly keysAreGone: (tenant: string) => boolean
  readonly clock: Clock
  readonly log: Log
}

/**
 * Reads the register, and brings it up to date with what is older or younger than it: ledgers from before there was one,
 * and erasures that a restored copy of the database has not seen.
 */
export async function openTenantRegistry(options: RegistryOptions): Promise<TenantRegistry> {
  const { store, withLedger, keysAreGone, clock, log } = options
  const tenants = new Map<string, Tenant>()
  for (const row of await across(store.db, 'register').selectFrom('tenants').selectAll().execute())
    tenants.set(row.tenant, tenantOf(row))
  const found = [...new Set([...standingTenants, ...withLedger])].filter((name) => !tenants.has(name))
  const createdAt = rfc3339(clock.nowNs())
  const fresh = found.map((name): Tenant => ({ name, title: name, state: 'active', createdAt, ...none }))
  const lost = [...tenants.values()]
    .filter(({ name, state }) => state !== 'erased' && !withLedger.has(name) && keysAreGone(name))
    .map((tenant): Tenant => ({ ...tenant, state: 'erasing', erasingAt: createdAt }))
  await store.transaction(async (tx) => {
    for (const tenant of fresh) await tx.insertInto('tenants').values(rowOf(tenant)).execute()
    for (const { name, state, erasingAt: erasing_at } of lost)
      await tx.updateTable('tenants').set({ state, erasing_at }).where('tenant', '=', name).execute()
  })
  for (const tenant of [...fresh, ...lost]) tenants.set(tenant.name, tenant)
  if (lost.length > 0)
    log.warn('tenants were erased that the database still had: it was restored from an older copy', {
      tenants: lost.map(({ name }) => name),
    })

  function get(name: string): Tenant {
    const tenant = tenants.get(name)
    if (tenant !== undefined) return tenant
    const { advice } = tenantErrors.TENANT_UNKNOWN
    const meant = nearest(name, living())
    throw tenantError('TENANT_UNKNOWN', {
      attempted: 'looking for a tenant',
      received: name,
      advice: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
    })
  }

  const living = () => [...tenants.values()].flatMap(({ name, state }) => (state === 'erased' ? [] : [name]))

  function stateOf(name: string): 'active' | 'suspended' | undefined {
    const state = tenants.get(name)?.state
    return state === 'active' || state === 'suspended' ? state : undefined
  }

  return {
    list: () => [...tenants.values()],
    find: (name) => tenants.get(name),
    get,
    checkOpen: (name, attempted) => {
      const { state } = get(name)
      if (stateOf(name) === undefined) throw tenantError('TENANT_STATE', { attempted, received: state })
    },
    stateOf,
    checkActive: (name, attempted) => {
      const state = stateOf(name)
      if (state === undefined) throw unknown(attempted, name)
      if (state === 'suspended') throw tenantError('TENANT_SUSPENDED', { attempted, received: name })
    },
    set: (tenant) => void tenants.set(tenant.name, tenant),
  }
}

const none = { linesPerSecond: null, erasingAt: null } as const
const unknown = (attempted: string, received: string) => tenantError('TENANT_UNKNOWN', { attempted, received })

const tenantOf = ({ tenant, title, state, created_at, lines_per_second, erasing_at }: Tables['tenants']): Tenant => ({
  name: tenant,
  title,
  state,
  createdAt: created_at,
  linesPerSecond: lines_per_second,
  erasingAt: erasing_at,
})

export const rowOf = ({ name, title, state, createdAt, linesPerSecond, erasingAt }: Tenant): Tables['tenants'] => ({
  tenant: name,
  title,
  state,
  created_at: createdAt,
  lines_per_second: linesPerSecond,
  erasing_at: erasingAt,
})

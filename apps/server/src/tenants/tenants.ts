// SPDX-License-Identifier: Apache-2.0

import { type Clock, createBell, isSealwatchError, type Log, rfc3339 } from '@sealwatch/base'
import { limits, tenantForm } from '@sealwatch/contract'
import { type Act, type ActBy, actEvent, auditTenant, type Recorded, type ServerVoice } from '../identity/index.ts'
import { isNotKept, notDurable, type Outbox, type Store, type Tx } from '../store/index.ts'
import { finishErasure } from './erase.ts'
import { tenantError } from './errors.ts'
import type { DestroyedKeys, TenantPorts } from './ports.ts'
import { rowOf, type TenantRegistry } from './registry.ts'
import { linesPerSecondLimits, standingTenants, type Tenant, type TenantState, tenantsMax } from './tenant.ts'
import { checkTitle, skeletonOf } from './title.ts'

/**
 * Tenants come, change and go. Each act is one transaction with its lines: one in the ledger of the tenant `cluster`, one
 * in the tenant's own. All may throw AUDIT_NOT_RECORDED, and all but `create` TENANT_UNKNOWN or TENANT_STATE.
 */
export type Tenants = {
  /** Throws TENANT_NAME_INVALID, TENANT_TITLE_INVALID, TENANT_EXISTS, TENANT_LOOKALIKE or TENANTS_TOO_MANY. */
  create(by: ActBy, name: string, title: string): Promise<Recorded>
  /** Throws TENANT_TITLE_INVALID or TENANT_LOOKALIKE. */
  rename(by: ActBy, name: string, title: string): Promise<Recorded>
  /** Counts at once. Throws TENANT_STANDING. */
  suspend(by: ActBy, name: string): Promise<Recorded>
  resume(by: ActBy, name: string): Promise<Recorded>
  /** Lines a second, null: as the settings say. Throws TENANT_QUOTA_INVALID. */
  limit(by: ActBy, name: string, linesPerSecond: number | null): Promise<Recorded>
  /**
   * For good: its hosts are revoked, its keys destroyed, its data removed; what the root ledger says of it stays. Resolves
   * when all of that is done. Throws TENANT_STANDING.
   */
  erase(by: ActBy, name: string): Promise<DestroyedKeys>
  /** Goes on with what a stop or a failure left undone, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type TenantsOptions = {
  readonly registry: TenantRegistry
  readonly ports: TenantPorts
  readonly store: Store
  readonly outbox: Outbox
  readonly voice: ServerVoice
  readonly clock: Clock
  readonly log: Log
}

const retryMs = 5_000
const noKeys: DestroyedKeys = { leafIndex: undefined, tenantKeys: 0, subjectKeys: 0 }

type Change = Pick<Act, 'code' | 'verb' | 'severity' | 'message' | 'details'>

export function createTenants(options: TenantsOptions): Tenants {
  const { registry, ports, store, outbox, voice, clock, log } = options
  // One act on a tenant after the other.
  const turns = new Map<string, Promise<unknown>>()
  // Tenants that are not as the register says.
  const undone = new Set<string>()
  const failed = createBell()
  // Suspended, and active in the database, which had no room.
  const unkept = new Set<string>()

  function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(name) ?? Promise.resolve()).then(work)
    const done: Promise<void> = turn.then(forget, forget)
    function forget(): void {
      if (turns.get(name) === done) turns.delete(name)
    }
    turns.set(name, done)
    return turn
  }

  /** Writes the tenant down with its lines; resolves with the name of the line in the cluster's ledger. */
  async function write(by: ActBy, next: Tenant, change: Change, write: (tx: Tx) => Promise<unknown>): Promise<string> {
    const timeNs = clock.nowNs()
    const { name } = next
    const act = { ...change, component: 'tenants', timeNs, by, entity: { type: 'Tenant', uid: name } }
    const uid = await (change.verb === 'suspend' ? store.taking : store.transaction)(async (tx) => {
      await write(tx)
      if (name !== auditTenant) await outbox.enqueue(tx, name, actEvent(voice, { ...act, tenant: name }))
      return outbox.enqueue(tx, auditTenant, actEvent(voice, { ...act, tenant: auditTenant }))
    }).catch((error: unknown) => {
      if (change.verb !== 'suspend' || !isNotKept(error)) throw error
      unkept.add(name)
      registry.set(next)
      ports.changed(name)
      throw notDurable(change.message, error)
    })
    unkept.delete(name)
    registry.set(next)
    ports.changed(name)
    return uid
  }

  async function recorded(uid: string, attempted: string): Promise<Recorded> {
    outbox.ring()
    return { tenant: auditTenant, leafIndex: await outbox.recorded(uid, attempted) }
  }

  const update = ({ name, title, state, linesPerSecond: lines, erasingAt }: Tenant) => {
    return (tx: Tx) =>
      tx
        .updateTable('tenants')
        .set({ title, state, lines_per_second: lines, erasing_at: erasingAt })
        .where('tenant', '=', name)
        .execute()
  }

  /** The act that leads a tenant in one of the states `from` to what `next` makes of it. */
  function alter(
    by: ActBy,
    name: string,
    attempted: string,
    from: readonly TenantState[],
    next: (tenant: Tenant) => { readonly to: Tenant; readonly change: Change },
  ): Promise<Recorded> {
    return inTurn(name, async () => {
      const tenant = registry.get(name)
      if (!from.includes(tenant.state) && !(unkept.has(name) && from.includes('active')))
        throw tenantError('TENANT_STATE', { attempted, received: tenant.state })
      const { to, change } = next(tenant)
      return recorded(await write(by, to, change, update(to)), attempted)
    })
  }

  function checkStanding(name: string, attempted: string): void {
    if (standingTenants.includes(name)) throw tenantError('TENANT_STANDING', { attempted, received: name })
  }

  /**
   * Nobody is to take one tenant for another, neither by its name nor by its title. Of an erased one the name stands in
   * records for good: another name may not look like it, a title may.
   */
  function checkLookalike(name: string, shown: string, attempted: string): void {
    const skeleton = skeletonOf(shown)
    const other = registry
      .list()
      .filter((tenant) => tenant.name !== name)
      .find(({ state, name: taken, title }) =>
        (state !== 'erased' ? [taken, title] : shown === name ? [taken] : []).some(
          (one) => skeletonOf(one) === skeleton,
        ),
      )
    if (other === undefined) return
    const there = other.state === 'erased' ? 'was' : 'is'
    throw tenantError('TENANT_LOOKALIKE', { attempted, received: `${shown}, where there ${there} ${other.name}` })
  }

  async function create(by: ActBy, name: string, given: string): Promise<Recorded> {
    const attempted = `creating the tenant ${name.slice(0, limits.tenantNameMax)}`
    if (!tenantForm.test(name) || name === 'root')
      throw tenantError('TENANT_NAME_INVALID', { attempted: 'creating a tenant', received: name })
    const title = checkTitle(given === '' ? name : given, attempted)
    return inTurn(name, async () => {
      if (registry.find(name) !== undefined || ports.wasKnown(name))
        throw tenantError('TENANT_EXISTS', { attempted, received: name })
      const all = registry.list()
      const living = all.filter(({ state }) => state !== 'erased').length
      if (living >= tenantsMax.living || all.length >= tenantsMax.ever)
        throw tenantError('TENANTS_TOO_MANY', { attempted, received: `${living} tenants` })
      checkLookalike(name, name, attempted)
      checkLookalike(name, title, attempted)
      const createdAt = rfc3339(clock.nowNs())
      const tenant: Tenant = { name, title, state: 'active', createdAt, linesPerSecond: null, erasingAt: null }
      const change: Change = {
        code: 'tenant_created',
        verb: 'create',
        severity: 'medium',
        message: `the tenant ${name} was created, as "${title}"`,
        details: { tenant_title: title },
      }
      const uid = await write(by, tenant, change, (tx) => tx.insertInto('tenants').values(rowOf(tenant)).execute())
      // The tenant is there, its ledger is not. If we stop here, the next start founds it.
      await bringAbout(name)
      return recorded(uid, attempted)
    })
  }

  function erase(by: ActBy, name: string): Promise<DestroyedKeys> {
    return inTurn(name, async () => {
      const attempted = `erasing the tenant ${name}`
      checkStanding(name, attempted)
      const tenant = registry.get(name)
      if (tenant.state === 'erased') throw tenantError('TENANT_STATE', { attempted, received: tenant.state })
      if (tenant.state !== 'erasing') {
        const to: Tenant = { ...tenant, state: 'erasing', erasingAt: rfc3339(clock.nowNs()) }
        const change: Change = {
          code: 'tenant_erasing',
          verb: 'delete',
          severity: 'high',
          message: `the tenant ${name} is erased: its hosts are revoked, its keys destroyed, its data removed`,
          details: {},
        }
        await recorded(await write(by, to, change, update(to)), attempted)
      }
      return bringAbout(name)
    })
  }

  /** Makes of the tenant what the register says it is; where that fails it is tried again later. */
  async function bringAbout(name: string): Promise<DestroyedKeys> {
    undone.add(name)
    try {
      const isErasing = registry.get(name).state === 'erasing'
      const keys = isErasing ? await finishErasure({ ...options, name }) : await ports.open(name).then(() => noKeys)
      undone.delete(name)
      return keys
    } catch (error) {
      failed.ring()
      throw error
    }
  }

  async function goOn(name: string): Promise<void> {
    try {
      await inTurn(name, () => bringAbout(name))
    } catch (error) {
      if (!isSealwatchError(error) || error.kind === 'fatal') throw error
      log.error('a tenant is not as its register says; it is tried again', { tenant: name, error })
    }
  }

  return {
    create,
    rename: async (by, name, given) => {
      const attempted = `renaming the tenant ${name}`
      const title = checkTitle(given, attempted)
      return alter(by, name, attempted, ['active', 'suspended'], (tenant) => {
        checkLookalike(name, title, attempted)
        return {
          to: { ...tenant, title },
          change: {
            code: 'tenant_renamed',
            verb: 'update',
            severity: 'low',
            message: `the tenant ${name} is now called "${title}", and was "${tenant.title}"`,
            details: { tenant_title: title },
          },
        }
      })
    },
    suspend: async (by, name) => {
      const attempted = `suspending the tenant ${name}`
      checkStanding(name, attempted)
      return alter(by, name, attempted, ['active'], (tenant) => ({
        to: { ...tenant, state: 'suspended' },
        change: {
          code: 'tenant_suspended',
          verb: 'suspend',
          severity: 'high',
          message: `the tenant ${name} was suspended: nothing comes in, and nobody but cluster admins acts in it`,
          details: {},
        },
      }))
    },
    resume: (by, name) =>
      alter(by, name, `resuming the tenant ${name}`, ['suspended'], (tenant) => ({
        to: { ...tenant, state: 'active' },
        change: {
          code: 'tenant_resumed',
          verb: 'resume',
          severity: 'medium',
          message: `the tenant ${name} was resumed`,
          details: {},
        },
      })),
    limit: async (by, name, lines) => {
      const attempted = `limiting the tenant ${name}`
      const isWithin = Number.isInteger(lines) && Number(lines) >= linesPerSecondLimits.min
      if (lines !== null && (!isWithin || lines > linesPerSecondLimits.max))
        throw tenantError('TENANT_QUOTA_INVALID', { attempted, received: lines })
      return alter(by, name, attempted, ['active', 'suspended'], (tenant) => ({
        to: { ...tenant, linesPerSecond: lines },
        change: {
          code: 'tenant_limited',
          verb: 'update',
          severity: 'low',
          message: `the hosts of the tenant ${name} may ship ${lines ?? 'as many'} lines a second${lines === null ? ' as the settings say' : ''}`,
          details: { lines_per_second: lines },
        },
      }))
    },
    erase,
    run: async (signal) => {
      for (const { name, state } of registry.list()) if (state === 'erasing') undone.add(name)
      const over = fired(signal)
      while (!signal.aborted) {
        const woken = failed.wait(signal)
        for (const name of undone) await Promise.race([goOn(name), over])
        if (undone.size === 0) await woken
        else await clock.sleep(retryMs, signal)
      }
    },
  }
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

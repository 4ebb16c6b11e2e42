// SPDX-License-Identifier: Apache-2.0

import { hash } from 'node:crypto'
import { canonicalize, type JsonObject, rfc3339 } from '@sealwatch/base'
import {
  type GroupConfig,
  type GroupVersion,
  groupConfigProblems,
  hostConfigLimits,
} from '@sealwatch/contract/host-config'
import { type Authorised, actBy } from '../access/index.ts'
import { identityError, type Recorded, type RecordOptions, recordAct } from '../identity/index.ts'
import type { Tables, Tx } from '../store/index.ts'
import type { FleetVouching } from '../trust/index.ts'
import {
  type AllowanceWritten,
  allowanceFrom,
  checkAllowances,
  type GroupAllowance,
  standingIn,
  toldOf,
  type WantedAllowance,
  whomOf,
  withAllowances,
} from './allowances.ts'
import { fleetError } from './errors.ts'

export type GroupRecord = {
  readonly group: string
  readonly version: number
  readonly change: 'set' | 'rolled_back'
  readonly config: GroupConfig
  readonly digest: string
  readonly cause: string
  readonly changedAt: string
  readonly changedBy: string
}
export type GroupWritten = { readonly record: GroupRecord; readonly recorded: Recorded }

/** Groups of hosts of a tenant, their configurations, and which host is in which. */
export type Groups = {
  /** The newest version of each, by name. */
  list(by: Authorised<'host:list'>): Promise<GroupRecord[]>
  /** Newest first. Throws GROUP_UNKNOWN. */
  versions(by: Authorised<'host:list'>, group: string, limit: number): Promise<GroupRecord[]>
  /**
   * Makes the next version of a group, or the group. `base`: the version it was made from; 0: there is none yet. Throws
   * GROUP_CONFIG_INVALID, GROUP_CHANGED_MEANWHILE, GROUPS_TOO_MANY.
   */
  set(
    by: Authorised<'host:configure'>,
    group: string,
    given: { readonly config: unknown; readonly cause: string; readonly base?: number | undefined },
  ): Promise<GroupWritten>
  /** Makes the next version of what an earlier one says. Throws GROUP_UNKNOWN. */
  rollBack(by: Authorised<'host:configure'>, group: string, version: number, cause: string): Promise<GroupWritten>
  /**
   * Lets somebody, on the hosts of a group, do what would else be an incident, until a moment. Throws GROUP_UNKNOWN, ALLOWANCE_INVALID,
   * ALLOWANCES_TOO_MANY, GROUP_CHANGED_MEANWHILE.
   */
  allow(by: Authorised<'host:configure'>, group: string, wanted: WantedAllowance): Promise<AllowanceWritten>
  /** Ends an allowance before its time. Throws ALLOWANCE_UNKNOWN. */
  disallow(by: Authorised<'host:configure'>, id: string, cause: string): Promise<AllowanceWritten>
  /** Those that are not over. */
  allowances(by: Authorised<'host:list'>): Promise<GroupAllowance[]>
  /** Throws GROUP_UNKNOWN, GROUPS_TOO_MANY, HOST_UNKNOWN. */
  assign(by: Authorised<'host:configure'>, hostId: string, groups: readonly string[], cause: string): Promise<Recorded>
  /** In the order in which they count. */
  namesOf(tenant: string, hostId: string): Promise<readonly string[]>
  /** The same with what they say; only what the ledger says, too. */
  of(tenant: string, hostId: string): Promise<readonly GroupVersion[]>
}

export type GroupsOptions = RecordOptions & {
  readonly vouching: FleetVouching
  /** Called when hosts of the tenant may be told something else than before. */
  readonly changed: (tenant: string) => void
}

type Row = Tables['host_group_versions']
type Writing = Pick<GroupRecord, 'config' | 'cause' | 'change'> & {
  readonly base?: number | undefined
  /** What is said of it besides. */
  readonly about?: { readonly message: string; readonly allowance: JsonObject }
}

export function createGroups(options: GroupsOptions): Groups {
  const { store, vouching, changed } = options
  const { db } = store

  const versionsIn = (from: Pick<Tx, 'selectFrom'>, tenant: string) =>
    from.selectFrom('host_group_versions').selectAll().where('tenant', '=', tenant)
  const newestOf = (from: Pick<Tx, 'selectFrom'>, tenant: string, group: string): Promise<Row | undefined> =>
    versionsIn(from, tenant).where('group_name', '=', group).orderBy('version', 'desc').limit(1).executeTakeFirst()

  const unknown = (group: string, version?: number) =>
    fleetError('GROUP_UNKNOWN', {
      attempted: `reading the group ${group}`,
      received: version === undefined ? group : `version ${version} of ${group}`,
    })

  async function write(
    by: Authorised<'host:configure'>,
    group: string,
    { config, cause, change, base, about }: Writing,
  ): Promise<GroupWritten> {
    const { tenant } = by
    const attempted = `writing the configuration of the group ${group}`
    const document = canonicalize(config as unknown as JsonObject)
    const digest = hash('sha256', document, 'hex')
    const newest = await newestOf(db, tenant, group)
    const version = (newest?.version ?? 0) + 1
    const details = {
      ...{ host_group: group, host_group_version: version, host_group_digest: digest, change_cause: cause },
      ...(about && { allowance: about.allowance }),
    }
    const act = {
      code: `host_config_${change}`,
      component: 'fleet',
      tenant,
      by: actBy(by),
      verb: newest === undefined ? ('create' as const) : ('update' as const),
      severity: 'medium' as const,
      message:
        about?.message ??
        `the configuration of the group of hosts ${group} was ${change === 'set' ? 'set' : 'rolled back'}: version ${version}`,
      entity: { type: 'Host Group', uid: `${tenant}/${group}` },
      details,
    }
    let row: Row | undefined
    const recorded = await recordAct(options, act, async (tx, timeNs) => {
      const found = (await newestOf(tx, tenant, group))?.version ?? 0
      if (found !== version - 1 || (base !== undefined && base !== found))
        throw fleetError('GROUP_CHANGED_MEANWHILE', {
          attempted,
          received: `version ${found}, made from ${base ?? version - 1}`,
        })
      if (found === 0) await checkRoom(tx, tenant, attempted)
      const changed_at = rfc3339(timeNs)
      row = { tenant, group_name: group, version, change, document, digest, cause, changed_at, changed_by: act.by.name }
      await tx.insertInto('host_group_versions').values(row).execute()
      await tx
        .deleteFrom('host_group_versions')
        .where('tenant', '=', tenant)
        .where('group_name', '=', group)
        .where('version', '<=', version - hostConfigLimits.versionsKept)
        .execute()
    })
    changed(tenant)
    return { record: recordOf(row as Row), recorded }
  }

  /** Whom the group lets now is none of what people write, and goes on with it. */
  const letting = async (tenant: string, group: string) => {
    const newest = await newestOf(db, tenant, group)
    return { newest, allow: newest === undefined ? [] : standingIn(configIn(newest), options.clock.nowMs()) }
  }
  const mustBe = (row: Row | undefined, group: string): Row => {
    if (row !== undefined) return row
    throw unknown(group)
  }

  async function newestRows(tenant: string): Promise<Row[]> {
    const rows = await versionsIn(db, tenant).orderBy('group_name').orderBy('version', 'desc').execute()
    return rows.filter((row, i) => row.group_name !== rows[i - 1]?.group_name)
  }

  async function checkRoom(tx: Tx, tenant: string, attempted: string): Promise<void> {
    const { count } = await tx
      .selectFrom('host_group_versions')
      .select(({ fn }) => fn.count<number>('group_name').distinct().as('count'))
      .where('tenant', '=', tenant)
      .executeTakeFirstOrThrow()
    if (count >= hostConfigLimits.groupsOfTenantMax)
      throw fleetError('GROUPS_TOO_MANY', { attempted, received: `${count} groups` })
  }

  async function namesOf(tenant: string, hostId: string): Promise<readonly string[]> {
    const row = await groupsRow(db, tenant, hostId)
    return row === undefined ? [] : namesIn(row.groups)
  }

  return {
    list: async ({ tenant }) => (await newestRows(tenant)).map(recordOf),
    versions: async ({ tenant }, group, limit) => {
      const rows = await versionsIn(db, tenant)
        .where('group_name', '=', group)
        .orderBy('version', 'desc')
        .limit(limit)
        .execute()
      if (rows.length === 0) throw unknown(group)
      return rows.map(recordOf)
    },
    set: async (by, group, { config, cause, base }) => {
      const problems = groupConfigProblems(config)
      if (problems.length > 0) {
        const attempted = `writing the configuration of the group ${group}`
        throw fleetError('GROUP_CONFIG_INVALID', { attempted, received: problems.slice(0, problemsShown).join('; ') })
      }
      const { newest, allow } = await letting(by.tenant, group)
      const whole = withAllowances(config as GroupConfig, allow)
      return write(by, group, { config: whole, cause, change: 'set', base: base ?? newest?.version ?? 0 })
    },
    rollBack: async (by, group, version, cause) => {
      const row = await versionsIn(db, by.tenant)
        .where('group_name', '=', group)
        .where('version', '=', version)
        .executeTakeFirst()
      if (row === undefined) throw unknown(group, version)
      const { newest, allow } = await letting(by.tenant, group)
      const config = withAllowances(recordOf(row).config, allow)
      return write(by, group, { config, cause, change: 'rolled_back', base: newest?.version })
    },
    allow: async (by, group, wanted) => {
      const { newest, allow } = await letting(by.tenant, group)
      const { config, version } = recordOf(mustBe(newest, group))
      const allowance = allowanceFrom(wanted, { by: actBy(by).name, nowMs: options.clock.nowMs() })
      checkAllowances(group, allow)
      const about = {
        message: `the guard of the group of hosts ${group} lets ${whomOf(allowance)}`,
        allowance: toldOf(allowance),
      }
      const whole = withAllowances(config, [...allow, allowance])
      const { recorded } = await write(by, group, {
        config: whole,
        cause: wanted.cause,
        change: 'set',
        base: version,
        about,
      })
      return { allowance: { group, ...allowance }, recorded }
    },
    disallow: async (by, id, cause) => {
      for (const { group_name: group } of await newestRows(by.tenant)) {
        const { newest, allow } = await letting(by.tenant, group)
        const found = allow.find((one) => one.id === id)
        if (newest === undefined || found === undefined) continue
        const { config, version } = recordOf(newest)
        const about = {
          message: `the guard of the group of hosts ${group} lets ${found.id} no more`,
          allowance: toldOf(found),
        }
        const rest = withAllowances(
          config,
          allow.filter((one) => one !== found),
        )
        const { recorded } = await write(by, group, { config: rest, cause, change: 'set', base: version, about })
        return { allowance: { group, ...found }, recorded }
      }
      throw fleetError('ALLOWANCE_UNKNOWN', { attempted: 'ending an allowance', received: id })
    },
    allowances: async ({ tenant }) => {
      const nowMs = options.clock.nowMs()
      return (await newestRows(tenant)).flatMap((row) =>
        standingIn(configIn(row), nowMs).map((allowance) => ({ group: row.group_name, ...allowance })),
      )
    },
    assign: async (by, hostId, groups, cause) => {
      const { tenant } = by
      const attempted = `putting the host ${hostId} into groups`
      const names = [...new Set(groups)]
      if (names.length > hostConfigLimits.groupsOfHostMax)
        throw fleetError('GROUPS_TOO_MANY', { attempted, received: `${names.length} groups` })
      for (const name of names) if ((await newestOf(db, tenant, name)) === undefined) throw unknown(name)
      const act = {
        code: 'host_grouped',
        component: 'fleet',
        tenant,
        by: actBy(by),
        verb: 'update' as const,
        severity: 'medium' as const,
        message: `the host ${hostId} is in ${names.length === 0 ? 'no group' : `the groups ${names.join(', ')}`}`,
        entity: { type: 'Host', uid: hostId },
        details: { host_id: hostId, host_groups: names, change_cause: cause },
      }
      const recorded = await recordAct(options, act, async (tx, timeNs) => {
        const host = await tx
          .selectFrom('hosts')
          .select('host_id')
          .where('tenant', '=', tenant)
          .where('host_id', '=', hostId)
          .executeTakeFirst()
        if (host === undefined) throw identityError('HOST_UNKNOWN', { attempted, received: hostId })
        const row = { groups: JSON.stringify(names), changed_at: rfc3339(timeNs), changed_by: act.by.name }
        await tx
          .insertInto('host_groups')
          .values({ tenant, host_id: hostId, ...row })
          .onConflict((conflict) => conflict.columns(['tenant', 'host_id']).doUpdateSet(row))
          .execute()
      })
      changed(tenant)
      return recorded
    },
    namesOf,
    of: async (tenant, hostId) => {
      const row = await groupsRow(db, tenant, hostId)
      if (row === undefined || !(await vouching.member(row))) return []
      const groups: GroupVersion[] = []
      for (const name of namesIn(row.groups)) {
        const newest = await newestOf(db, tenant, name)
        if (newest === undefined || !(await vouching.group(newest))) continue
        const config = configIn(newest)
        const allow = standingIn(config, options.clock.nowMs())
        groups.push({ name, version: newest.version, config: withAllowances(config, allow) })
      }
      return groups
    },
  }
}

const problemsShown = 8

export const groupsRow = (db: Pick<Tx, 'selectFrom'>, tenant: string, hostId: string) =>
  db.selectFrom('host_groups').selectAll().where('tenant', '=', tenant).where('host_id', '=', hostId).executeTakeFirst()

const namesIn = (text: string) => JSON.parse(text) as readonly string[]

/** As it is kept and signed, with whom it lets. */
const configIn = (row: Row) => JSON.parse(row.document) as GroupConfig

const recordOf = (row: Row): GroupRecord => ({
  group: row.group_name,
  version: row.version,
  change: row.change,
  config: withAllowances(configIn(row), []),
  digest: row.digest,
  cause: row.cause,
  changedAt: row.changed_at,
  changedBy: row.changed_by,
})

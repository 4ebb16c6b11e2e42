// SPDX-License-Identifier: Apache-2.0

import {
  type Clock,
  canonicalize,
  createBell,
  isSealwatchError,
  type JsonObject,
  type Log,
  rfc3339,
} from '@sealwatch/base'
import type { PolicyStanding } from '@sealwatch/contract'
import { type DeliveredPolicy, type HostConfig, hostConfigLimits, mergeGroups } from '@sealwatch/contract/host-config'
import { type AuthoritySigner, hostConfigDigest, signHostConfig } from '@sealwatch/keys'
import type { Host } from '../identity/index.ts'
import type { ConfigPort, ConfigReport } from '../ingest/index.ts'
import { enforcedPolicies } from '../policies/index.ts'
import type { HostWatch } from '../presence/index.ts'
import { across, type Store, type Tables } from '../store/index.ts'
import { fleetError } from './errors.ts'
import type { Groups } from './groups.ts'
import { type PolicyReach, policyReaches, reachOf } from './policy-reach.ts'
import type { Rehearsals } from './rehearsals.ts'

type Row = Tables['host_configs']

export type HostConfigState = {
  readonly groups: readonly string[]
  /** What it is to have; null: it was never told anything. */
  readonly desired: { readonly version: number; readonly digest: string; readonly issuedAt: string } | null
  /** What it said last. */
  readonly reported: (ConfigReport & { readonly at: string }) | null
  /** It has something else than it is to have. */
  readonly drifts: boolean
}

export type HostConfigs = ConfigPort & {
  stateOf(tenant: string, hostId: string): Promise<HostConfigState>
  /** Hosts may be told something else than before. */
  changed(tenant: string): void
  /** Ids of hosts that are not revoked and have something else than they are to have, as of the last look. */
  readonly drifting: ReadonlySet<string>
  /** Of how many pairs of a policy and a host that was told it each is true, as of the last look. */
  readonly reaches: Readonly<Record<PolicyReach, number>>
  /** On how many hosts of the tenant each is true of that version of a policy. */
  reachesOf(tenant: string, policy: string, version: number): Promise<Readonly<Record<PolicyReach, number>>>
  /** Looks who drifts, until the signal fires. */
  run(signal: AbortSignal): Promise<void>
}

export type HostConfigsOptions = {
  readonly store: Store
  readonly groups: () => Groups
  readonly rehearsals: Pick<Rehearsals, 'of'>
  readonly presence: Pick<HostWatch, 'of' | 'policies'>
  /** The CA that the deployment has now. */
  readonly signer: () => AuthoritySigner
  readonly clock: Clock
  readonly log: Log
}

/** What a signer may take for its answer. */
const answerMsMax = 10_000
const lookEveryMs = 15_000

export function createHostConfigs(options: HostConfigsOptions): HostConfigs {
  const { store, groups, rehearsals, presence, signer, clock, log } = options
  const { db } = store
  const bells = new Map<string, ReturnType<typeof createBell>>()
  const bellOf = (tenant: string) => {
    const bell = bells.get(tenant) ?? createBell()
    bells.set(tenant, bell)
    return bell
  }
  const told = new Map<string, string>()
  /** Of each tenant, when the first allowance ends of those that its hosts were told. */
  const nextEnd = new Map<string, number>()
  let drifting: ReadonlySet<string> = new Set()
  let reaches = noReaches()

  const rowOf = (tenant: string, hostId: string): Promise<Row | undefined> =>
    db
      .selectFrom('host_configs')
      .selectAll()
      .where('tenant', '=', tenant)
      .where('host_id', '=', hostId)
      .executeTakeFirst()

  async function compose({ tenant, hostId }: Host): Promise<HostConfig> {
    const merged = mergeGroups(await groups().of(tenant, hostId))
    for (const { until } of merged.guard?.allow ?? [])
      nextEnd.set(tenant, Math.min(Date.parse(until), nextEnd.get(tenant) ?? Number.POSITIVE_INFINITY))
    const policies: readonly DeliveredPolicy[] = await enforcedPolicies(db, tenant)
    const played = rehearsals.of(tenant, hostId)
    const config: HostConfig = { ...merged, policies, ...(played.length > 0 && { rehearsals: played }) }
    const bytes = Buffer.byteLength(canonicalize(config as unknown as JsonObject))
    if (bytes <= hostConfigLimits.contentBytesMax) return config
    const attempted = `telling the host ${hostId} its configuration`
    throw fleetError('HOST_CONFIG_TOO_LARGE', { attempted, received: `${bytes} bytes` })
  }

  /** Once for each thing that is wrong with a host's, until it is another. */
  function tellOnce(hostId: string, error: unknown): void {
    if (!isSealwatchError(error)) throw error
    if (told.get(hostId) === error.message) return
    told.set(hostId, error.message)
    log.error('a host cannot be told its configuration, and keeps the one it has', { host_id: hostId, error })
  }

  /** A host that was never told anything, and of which no group says anything, is told nothing. */
  const saysNothing = ({ groups: of, policies, rehearsals: played }: HostConfig) =>
    of.length === 0 && policies.length === 0 && played === undefined

  async function desired(host: Host): ReturnType<ConfigPort['desired']> {
    const { tenant, hostId } = host
    let config: HostConfig
    try {
      config = await compose(host)
      told.delete(hostId)
    } catch (error) {
      tellOnce(hostId, error)
      return undefined
    }
    const row = await rowOf(tenant, hostId)
    if (row === undefined && saysNothing(config)) return undefined
    const digest = hostConfigDigest(config)
    const { reported_version: has = null, reported_digest: hasDigest } = row ?? {}
    // Of a server that was restored from before: its host has been told more than it knows of.
    const isAhead =
      row !== undefined && has !== null && (has > row.version || (has === row.version && hasDigest !== digest))
    let version = row?.version ?? 0
    if (row === undefined || row.digest !== digest || isAhead) {
      version = Math.max(version, has ?? 0, row?.refused_version ?? 0) + 1
      const next = { version, digest, issued_at: rfc3339(clock.nowNs()) }
      await store.transaction((tx) =>
        tx
          .insertInto('host_configs')
          .values({ tenant, host_id: hostId, ...next, ...unreported })
          .onConflict((conflict) => conflict.columns(['tenant', 'host_id']).doUpdateSet(next))
          .execute(),
      )
    }
    const envelope = async () => {
      const nowNs = clock.nowNs()
      const [issued_at, expires_at] = [nowNs, nowNs + BigInt(hostConfigLimits.lifeMs) * 1_000_000n].map(rfc3339) as [
        string,
        string,
      ]
      const statement = { v: 1, host: hostId, tenant, version, digest, issued_at, expires_at, config } as const
      return JSON.stringify(await signHostConfig(statement, signer(), AbortSignal.timeout(answerMsMax)))
    }
    return { version, digest, envelope }
  }

  const isAlive = (hostId: string) => presence.of(hostId)?.life === 'alive'

  async function look(): Promise<void> {
    const rows = await across(db, 'status')
      .selectFrom('host_configs')
      .innerJoin('hosts', (join) =>
        join.onRef('hosts.tenant', '=', 'host_configs.tenant').onRef('hosts.host_id', '=', 'host_configs.host_id'),
      )
      .selectAll('host_configs')
      .where('hosts.revoked_at', 'is', null)
      .execute()
    const states = rows.map((row) => [row.host_id, stateOf([], row)] as const)
    drifting = new Set(states.filter(([, { drifts }]) => drifts).map(([hostId]) => hostId))
    // Allowances end by themselves: their hosts are to be told.
    for (const [tenant, endMs] of nextEnd)
      if (endMs <= clock.nowMs()) {
        nextEnd.delete(tenant)
        bellOf(tenant).ring()
      }
    const counted = noReaches()
    for (const [hostId, { reported }] of states)
      for (const standing of reported?.policies ?? []) counted[reachOf(standing, isAlive(hostId))] += 1
    reaches = counted
  }

  async function reachesOf(tenant: string, policy: string, version: number) {
    const rows = await db
      .selectFrom('hosts')
      .leftJoin('host_configs', (join) =>
        join.onRef('hosts.tenant', '=', 'host_configs.tenant').onRef('hosts.host_id', '=', 'host_configs.host_id'),
      )
      .select(['hosts.host_id', 'host_configs.reported_policies'])
      .where('hosts.tenant', '=', tenant)
      .where('hosts.revoked_at', 'is', null)
      .execute()
    const counted = noReaches()
    for (const { host_id, reported_policies } of rows) {
      const standings = standingsIn(reported_policies)
      const standing = standings?.find((each) => each.policy === policy && each.version === version)
      const isBehind = standings !== undefined && standing === undefined
      counted[isBehind && isAlive(host_id) ? 'behind' : reachOf(standing, isAlive(host_id))] += 1
    }
    return counted
  }

  return {
    desired,
    report: async (host, { version, digest, onTrial, refusedVersion, refusedWhy, policies }) => {
      const { tenant, hostId } = host
      if (policies !== undefined) presence.policies(host, policies)
      const said = {
        reported_version: version,
        reported_digest: digest,
        on_trial: onTrial ? 1 : 0,
        refused_version: refusedVersion,
        refused_why: refusedWhy,
        reported_at: rfc3339(clock.nowNs()),
        reported_policies: policies === undefined ? null : JSON.stringify(policies),
      }
      const isNothing = version === 0 && refusedVersion === 0
      await store.transaction(async (tx) => {
        const { numUpdatedRows } = await tx
          .updateTable('host_configs')
          .set(said)
          .where('tenant', '=', tenant)
          .where('host_id', '=', hostId)
          .executeTakeFirst()
        if (numUpdatedRows > 0n || isNothing) return
        const row = { tenant, host_id: hostId, version: 0, digest: '', issued_at: said.reported_at, ...said }
        await tx.insertInto('host_configs').values(row).execute()
      })
    },
    wait: (tenant, signal) => bellOf(tenant).wait(signal),
    changed: (tenant) => bellOf(tenant).ring(),
    stateOf: async (tenant, hostId) => stateOf(await groups().namesOf(tenant, hostId), await rowOf(tenant, hostId)),
    get drifting() {
      return drifting
    },
    get reaches() {
      return reaches
    },
    reachesOf,
    run: async (signal) => {
      while (!signal.aborted) {
        await look()
        await clock.sleep(lookEveryMs, signal)
      }
    },
  }
}

const unreported = {
  reported_version: null,
  reported_digest: null,
  on_trial: null,
  refused_version: null,
  refused_why: null,
  reported_at: null,
  reported_policies: null,
} as const

const noReaches = () => Object.fromEntries(policyReaches.map((reach) => [reach, 0])) as Record<PolicyReach, number>

const standingsIn = (text: string | null) => (text === null ? undefined : (JSON.parse(text) as PolicyStanding[]))

function stateOf(groups: readonly string[], row: Row | undefined): HostConfigState {
  if (row === undefined) return { groups, desired: null, reported: null, drifts: false }
  const {
    version,
    digest,
    issued_at,
    reported_version,
    reported_digest,
    on_trial,
    refused_version,
    refused_why,
    reported_at,
    reported_policies,
  } = row
  const reported =
    reported_version === null || reported_at === null
      ? null
      : {
          version: reported_version,
          digest: reported_digest ?? '',
          onTrial: on_trial === 1,
          refusedVersion: refused_version ?? 0,
          refusedWhy: refused_why ?? '',
          policies: standingsIn(reported_policies),
          at: reported_at,
        }
  const desired = version === 0 ? null : { version, digest, issuedAt: issued_at }
  return {
    groups,
    desired,
    reported,
    drifts: desired !== null && (reported?.version !== version || reported.digest !== digest),
  }
}

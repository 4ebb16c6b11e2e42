// SPDX-License-Identifier: Apache-2.0
// What hosts are told to do: by groups, as people write it, and by host, as it is delivered (docs/formats/host-config.md).

import {
  areRehearsals,
  type GuardConfig,
  guardConfigProblems,
  guardEntries,
  type HostGuardConfig,
  isHostGuardConfig,
  mergeGuardConfigs,
  type Rehearsal,
} from './guard-config.ts'
import { entryBytesMax, entryProblem, hasWords } from './watch-entry.ts'

export const hostConfigLimits = {
  groupsOfTenantMax: 256,
  groupsOfHostMax: 16,
  /** Of one group; older ones go, but for the line in the ledger. */
  versionsKept: 100,
  watchPathsMax: 256,
  /** Of what all groups of a host have it watch: its sensor has room for 4,096 entries, the operator's among them. */
  toldEntriesMax: 3_072,
  pathBytesMax: entryBytesMax,
  /** Of a version that a host says it has, here and of its standing order: the server's next one is greater, and must be a number of a row. */
  versionSaidMax: 2 ** 40,
  /** Of all that is delivered to a host, policies included, as canonical JSON. */
  contentBytesMax: 768 * 1024,
  /** So long a signed document may be under way. */
  lifeMs: 24 * 3_600_000,
  /** Without the server's word within this time a host goes back to what it had before. */
  trialMs: 5 * 60_000,
} as const

/** Numbers that a group may set, and their bounds. */
export const settingBounds = {
  max_queue_depth: { min: 16, max: 1_000_000 },
  watcher_buffer: { min: 16, max: 100_000 },
} as const
export type HostSetting = keyof typeof settingBounds
const settingNames = Object.keys(settingBounds) as HostSetting[]
export type HostSettings = { readonly [N in HostSetting]?: number }

/** Of a group, as people write it. */
export type GroupConfig = HostSettings & {
  /** Entries (watch-entry.ts) besides those of the host's own list. */
  readonly watch?: readonly string[]
  readonly guard?: GuardConfig
}

export type DeliveredPolicy = {
  readonly id: string
  readonly version: number
  /** Hex SHA-256 of `document`. */
  readonly digest: string
  /** The policy in canonical form. */
  readonly document: string
}

/** Of a host, as it is delivered: what its groups say together, and the policies of its tenant. */
export type HostConfig = {
  readonly groups: readonly { readonly name: string; readonly version: number }[]
  readonly policies: readonly DeliveredPolicy[]
  readonly settings: HostSettings
  /** Paths alone: what agents of every version know. */
  readonly watch: readonly string[]
  /** Entries with words; absent: none. */
  readonly watch_entries?: readonly string[]
  /** Absent: what the host's own file says, or the defaults. */
  readonly guard?: HostGuardConfig
  /** Drills under way on this host; absent: none. */
  readonly rehearsals?: readonly Rehearsal[]
}

/** All that a host is told to watch, as far as there is room. */
export const toldEntries = ({ watch, watch_entries = [], guard = {} }: HostConfig): readonly string[] =>
  [...new Set([...watch, ...watch_entries, ...guardEntries(guard)])].slice(0, hostConfigLimits.toldEntriesMax)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What is wrong with a group's configuration, each with its place; empty: it is one. */
export function groupConfigProblems(value: unknown): string[] {
  if (!isObject(value)) return ['a configuration is an object']
  return Object.entries(value).flatMap(([name, member]) => {
    if (name === 'watch') return watchProblems(member)
    if (name === 'guard') return guardConfigProblems(member, name)
    if (!settingNames.includes(name as HostSetting))
      return [`${name.slice(0, 64)}: no such member; there are watch, guard, ${settingNames.join(', ')}`]
    return settingProblems(name as HostSetting, member)
  })
}

function settingProblems(name: HostSetting, value: unknown): string[] {
  const { min, max } = settingBounds[name]
  const fits = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
  return fits ? [] : [`${name}: an integer from ${min} to ${max}`]
}

function watchProblems(value: unknown): string[] {
  const { watchPathsMax } = hostConfigLimits
  if (!Array.isArray(value)) return ['watch: a list of entries']
  if (value.length > watchPathsMax) return [`watch: at most ${watchPathsMax} entries`]
  const entries = value as readonly unknown[]
  if (new Set(entries).size < entries.length) return ['watch: each entry once']
  return entries.flatMap((entry, at) => {
    const wrong = entryProblem(entry)
    return wrong === undefined ? [] : [`watch[${at}]: ${wrong}`]
  })
}

export type GroupVersion = { readonly name: string; readonly version: number; readonly config: GroupConfig }

/** Groups in the order in which the host has them: all that any of them watches is watched; of numbers the last one counts. */
export function mergeGroups(groups: readonly GroupVersion[]): Omit<HostConfig, 'policies' | 'rehearsals'> {
  const settings: { [N in HostSetting]?: number } = {}
  for (const { config } of groups)
    for (const name of settingNames) {
      const value = config[name]
      if (value !== undefined) settings[name] = value
    }
  const entries = [...new Set(groups.flatMap(({ config }) => config.watch ?? []))].sort()
  const withWords = entries.filter(hasWords)
  const guard = mergeGuardConfigs(groups.map(({ config }) => config.guard ?? {}))
  return {
    groups: groups.map(({ name, version }) => ({ name, version })),
    settings,
    watch: entries.filter((entry) => !hasWords(entry)),
    ...(withWords.length > 0 && { watch_entries: withWords }),
    ...(Object.keys(guard).length > 0 && { guard }),
  }
}

/** Undefined: it is none. What a newer server adds beside these members is no reason to refuse it. */
export function hostConfigIn(value: unknown): HostConfig | undefined {
  if (!isObject(value)) return undefined
  const { groups, policies, settings, watch, watch_entries = [], guard = {}, rehearsals = [] } = value
  const isOne =
    Array.isArray(groups) &&
    groups.length <= hostConfigLimits.groupsOfHostMax &&
    groups.every((group) => isObject(group) && typeof group.name === 'string' && Number.isSafeInteger(group.version)) &&
    Array.isArray(policies) &&
    policies.every(isDelivered) &&
    isObject(settings) &&
    settingNames.every((name) => settings[name] === undefined || settingProblems(name, settings[name]).length === 0) &&
    [watch, watch_entries].every((entries) => watchProblems(entries).length === 0) &&
    !(watch as string[]).some(hasWords) &&
    isHostGuardConfig(guard) &&
    areRehearsals(rehearsals)
  return isOne ? (value as HostConfig) : undefined
}

const isDelivered = (policy: unknown): boolean =>
  isObject(policy) &&
  typeof policy.id === 'string' &&
  Number.isSafeInteger(policy.version) &&
  typeof policy.digest === 'string' &&
  typeof policy.document === 'string'

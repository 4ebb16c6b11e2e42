// SPDX-License-Identifier: Apache-2.0

import { canonicalize, type JsonObject } from '@sealwatch/base'
import type { ApiClient, Operations } from '@sealwatch/contract/api'
import { groupConfigProblems } from '@sealwatch/contract/host-config'
import { describeDifference } from '@sealwatch/contract/policy'
import { apiOptions, withApi } from '../api.ts'
import { command, exit, integer, text } from '../command.ts'
import { comparedOf } from '../compared.ts'
import { cliError, fileError } from '../errors.ts'
import { hostMeant } from '../host/host-meant.ts'
import { renderDifference } from '../policy/render-difference.ts'
import { readSmallFile } from '../small-file.ts'
import { columns, safe, safeJson, toSecond } from '../terminal.ts'

type Group = Operations['listHostGroups']['answer']['items'][number]

const group = [{ name: 'GROUP', required: true }] as const
const causeOption = text({ takes: 'TEXT', help: 'Why, for the ledger; name nobody', required: true })
const versionOption = (help: string) => integer({ takes: 'N', help, min: 1, max: Number.MAX_SAFE_INTEGER, absent: 0 })
const fileBytesMax = 2 * 1024 * 1024
const versionsMax = 100

const causeOf = (cause: string | undefined, attempted: string): string => {
  if (cause !== undefined) return cause
  throw cliError('CLI_WHY', { attempted, advice: 'Say why: --cause "more of the web servers is watched"' })
}

export const hostConfigList = command({
  name: 'host config list',
  summary: 'The groups of hosts of a tenant, and the versions of what each says',
  options: apiOptions,
  examples: ['sudo ./sealwatch host config list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing groups of hosts', (api) =>
      api.call('listHostGroups'),
    )
    if (json) io.out(`${safeJson({ items })}\n`)
    else if (items.length > 0)
      io.out(columns([['GROUP', ...versionHeads], ...items.map((row) => [safe(row.group), ...versionRow(row)])]))
    else io.err('There is none. Make one: sudo ./sealwatch host config set GROUP FILE --cause TEXT\n')
    return exit.ok
  },
})

const versionHeads = ['VERSION', 'CHANGE', 'AT', 'BY', 'DIGEST', 'WHY']
const versionRow = ({ version, change, changed_at, changed_by, digest, cause }: Group) => [
  String(version),
  change.replaceAll('_', ' '),
  toSecond(changed_at),
  safe(changed_by),
  digest.slice(0, 16),
  safe(cause, 80),
]

async function versionsOf(api: ApiClient, name: string, limit: number): Promise<readonly Group[]> {
  return (await api.call('listHostGroupVersions', { params: { group: name }, query: { limit } })).items
}

/** `version` 0: the newest. */
async function versionOf(api: ApiClient, name: string, version: number, attempted: string): Promise<Group> {
  const found = (await versionsOf(api, name, version === 0 ? 1 : versionsMax)).find(
    (one) => version === 0 || one.version === version,
  )
  if (found !== undefined) return found
  const advice = `See ./sealwatch host config history ${name}`
  throw cliError('CLI_NOT_FOUND', { attempted, received: `version ${version}`, advice })
}

export const hostConfigGet = command({
  name: 'host config get',
  summary: 'What a group of hosts is told, to be changed in an editor and set again',
  about: 'The form is in docs/formats/host-config.md. With --json it has who wrote it, when, and why.',
  operands: group,
  options: { ...apiOptions, version: versionOption('An earlier version (default: the newest)') },
  examples: ['sudo ./sealwatch host config get web > web.json', 'sudo ./sealwatch host config get web --version 3'],
  run: async ({ version, ...at }, [name = ''], { io, place, json }) => {
    const attempted = `reading the group ${name}`
    const found = await withApi({ ...at, io, place }, attempted, (api) => versionOf(api, name, version, attempted))
    io.out(`${safeJson(json ? found : found.config, json ? undefined : 2)}\n`)
    return exit.ok
  },
})

const countsOnceTold =
  'It counts on a host once CONFIG of `sealwatch host list` has the version; what is watched besides, once its sensor has begun anew.\n'

export const hostConfigSet = command({
  name: 'host config set',
  summary: 'Say what a group of hosts is told, by a file; makes the group',
  about: `FILE is JSON: \`watch\`, what is watched besides the own list of the host (its sensor begins anew, and tells the gap): PATH, of which reads
and changes are told, changes:PATH, losses:PATH (removed, renamed, shortened), these with ,below, changes with ,diff, any of them with urgent, before it (the guard is told, too), and ~/ for the home of each account;
\`max_queue_depth\` and \`watcher_buffer\`, as
docs/reference/configuration.md says of the settings of their names; \`guard\`, whom its guard protects and what it does. Each may be left out: then the
host's own counts. Hosts that are connected are told at once, each verifies the signature, and takes it back where it does not hear of the server within five minutes.`,
  operands: [...group, { name: 'FILE', required: true }],
  options: {
    ...apiOptions,
    cause: causeOption,
    base: integer({
      takes: 'N',
      help: 'Only if the newest version is still this one; 0: only if there is none',
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      absent: -1,
    }),
  },
  examples: ["sudo ./sealwatch host config set web web.json --cause 'the certificates are watched'"],
  run: async ({ cause, base, ...at }, [name = '', path = ''], { io, place, json }) => {
    const attempted = `writing the configuration of the group ${name}`
    const why = causeOf(cause, attempted)
    const config = readConfig(path)
    const body = { config, cause: why, ...(base < 0 ? {} : { base_version: base }) }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('setHostGroupConfig', { params: { group: name }, body }),
    )
    const { version } = answer.group
    // One that is new has no hosts.
    const next =
      version === 1 ? `Say who is in it: sudo ./sealwatch host config assign HOST ${safe(name)} --cause TEXT\n` : ''
    io.out(json ? `${safeJson(answer)}\n` : `${safe(name)} is at version ${version}. ${countsOnceTold}${next}`)
    return exit.ok
  },
})

function readConfig(path: string): Record<string, unknown> {
  let held: string
  try {
    held = readSmallFile(path, fileBytesMax)
  } catch (cause) {
    throw fileError(path, cause, 'reading')
  }
  let value: unknown
  try {
    value = JSON.parse(held)
  } catch (cause) {
    throw cliError('CLI_HOST_CONFIG', { attempted: `reading ${path}`, received: String(cause), cause })
  }
  const problems = groupConfigProblems(value)
  if (problems.length === 0) return value as Record<string, unknown>
  throw cliError('CLI_HOST_CONFIG', { attempted: `reading ${path}`, received: problems.slice(0, 8).join('; ') })
}

export const hostConfigHistory = command({
  name: 'host config history',
  summary: 'The versions of what a group of hosts was told: who changed it, when and why',
  operands: group,
  options: {
    ...apiOptions,
    limit: integer({
      takes: 'N',
      help: 'At most so many, newest first (default: 20)',
      min: 1,
      max: versionsMax,
      absent: 20,
    }),
  },
  examples: ['sudo ./sealwatch host config history web'],
  run: async ({ limit, ...at }, [name = ''], { io, place, json }) => {
    const items = await withApi({ ...at, io, place }, `reading the versions of ${name}`, (api) =>
      versionsOf(api, name, limit),
    )
    io.out(json ? `${safeJson({ items })}\n` : columns([versionHeads, ...items.map(versionRow)]))
    return exit.ok
  },
})

export const hostConfigDiff = command({
  name: 'host config diff',
  summary: 'What differs between two versions, or between the newest and a file',
  about: 'The exit code is 1 where something differs.',
  operands: [...group, { name: 'FILE|VERSION', required: false }, { name: 'VERSION', required: false }],
  options: {
    ...apiOptions,
    from: versionOption('From this version (default: the one before the newest; with FILE the newest)'),
    to: versionOption('To this one (default: the newest)'),
  },
  examples: [
    'sudo ./sealwatch host config diff web',
    'sudo ./sealwatch host config diff web 3 7',
    'sudo ./sealwatch host config diff web web.json',
  ],
  run: async (options, [name = '', first, second], { io, place, json }) => {
    const attempted = `comparing versions of ${name}`
    const { from, to, path, ...at } = comparedOf(options, [first, second], attempted, 'host config diff web')
    const [before, after] = await withApi({ ...at, io, place }, attempted, async (api) => {
      const later = path === undefined ? await versionOf(api, name, to, attempted) : undefined
      const earlier = from > 0 || later === undefined ? from : later.version - 1
      const none = earlier === 0 && later !== undefined
      return [
        none ? null : (await versionOf(api, name, earlier, attempted)).config,
        later === undefined ? readConfig(path ?? '') : later.config,
      ] as const
    })
    const lines = describeDifference(objectOf(before), objectOf(after))
    io.out(
      json
        ? `${safeJson({ differs: lines.length > 0, lines })}\n`
        : lines.length === 0
          ? 'Nothing differs.\n'
          : renderDifference(lines, io),
    )
    return lines.length === 0 ? exit.ok : exit.finding
  },
})

const objectOf = (value: object | null): JsonObject | null =>
  value === null ? null : (JSON.parse(canonicalize(value)) as JsonObject)

export const hostConfigRollback = command({
  name: 'host config rollback',
  summary: 'Tell a group of hosts again what an earlier version said',
  about: 'It is the next version: hosts take none that is older than one they have seen.',
  operands: group,
  options: { ...apiOptions, version: versionOption('Of the earlier one'), cause: causeOption },
  examples: ["sudo ./sealwatch host config rollback web --version 3 --cause 'too much was shed'"],
  run: async ({ version, cause, ...at }, [name = ''], { io, place, json }) => {
    const attempted = `rolling back the group ${name}`
    if (version === 0)
      throw cliError('CLI_USAGE', {
        attempted,
        advice: `Name it: --version N. See sealwatch host config history ${name}`,
      })
    const body = { version, cause: causeOf(cause, attempted) }
    const answer = await withApi({ ...at, io, place }, attempted, (api) =>
      api.call('rollBackHostGroup', { params: { group: name }, body }),
    )
    io.out(
      json
        ? `${safeJson(answer)}\n`
        : `${safe(name)} says what version ${version} said: version ${answer.group.version}.\n`,
    )
    return exit.ok
  },
})

export const groupsNamed = (names: string): readonly string[] =>
  ['none', ''].includes(names.trim()) ? [] : names.split(',').map((name) => name.trim())

export const hostConfigAssign = command({
  name: 'host config assign',
  summary: 'Say in which groups a host is',
  about: `GROUPS are names with commas between; none (or '') takes the host out of all. All that any of them watches is watched; where two set the same number, the later
one counts. HOST is as in \`host show\`.`,
  operands: [
    { name: 'HOST', required: true },
    { name: 'GROUPS', required: true },
  ],
  options: { ...apiOptions, cause: causeOption },
  examples: [
    "sudo ./sealwatch host config assign web-1 base,web --cause 'it serves the shop'",
    "sudo ./sealwatch host config assign web-1 none --cause 'it is taken out'",
  ],
  run: async ({ cause, ...at }, [typed = '', names = ''], { io, place, json }) => {
    const attempted = `putting the host ${typed} into groups`
    const groups = groupsNamed(names)
    const body = { groups, cause: causeOf(cause, attempted) }
    const answer = await withApi({ ...at, io, place }, attempted, async (api) => {
      const host_id = await hostMeant(api, typed, attempted)
      return api.call('assignHostGroups', { params: { host_id }, body })
    })
    const where = groups.length === 0 ? 'no group' : groups.join(', ')
    io.out(json ? `${safeJson(answer)}\n` : `${safe(typed)} is in ${safe(where)}. ${countsOnceTold}`)
    return exit.ok
  },
})

// SPDX-License-Identifier: Apache-2.0

import { slugName } from '@sealwatch/contract'
import { hostConfigLimits } from '@sealwatch/contract/host-config'
import { z } from 'zod'
import type { GroupRecord } from '../../../fleet/index.ts'
import type { ApiPorts } from '../../ports.ts'
import { type Route, route } from '../route.ts'
import { nameOf, recorded, recordedJson, time } from '../shapes.ts'

const tag = 'hosts'
const groupName = nameOf(slugName)
const params = z.object({ group: groupName.describe('A group of hosts') })
const cause = z.string().min(1).max(400).describe('Why, for the ledger; name nobody')
const version = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
const config = z
  .looseObject({})
  .describe('docs/formats/host-config.md, 1: watch, max_queue_depth, watcher_buffer, guard; each may be left out')
/** Each path may be of 4,095 bytes, and two of each of its characters in JSON. */
const bodyMax = { bytes: 2 * hostConfigLimits.watchPathsMax * (hostConfigLimits.pathBytesMax + 8), values: 1024 }

const group = z.object({
  group: z.string(),
  version: z.number().int(),
  change: z.enum(['set', 'rolled_back']),
  config,
  digest: z.string().describe('Hex SHA-256 of it in canonical form'),
  cause: z.string(),
  changed_at: time,
  changed_by: z.string().describe('`kind:id`, as in the ledger'),
})
const written = z.object({ group, ledger: recorded })

const groupJson = ({ changedAt, changedBy, config: said, ...same }: GroupRecord) => ({
  ...same,
  config: said as Record<string, unknown>,
  changed_at: changedAt,
  changed_by: changedBy,
})

export function hostGroupRoutes({ groups }: Pick<ApiPorts, 'groups'>): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/host-groups',
      id: 'listHostGroups',
      summary: 'The groups of hosts of the tenant, and what each says',
      tag,
      action: 'host:list',
      answer: z.object({ items: z.array(group).describe('By name') }),
      handle: async (by) => ({ items: (await groups.list(by)).map(groupJson) }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/host-groups/{group}/versions',
      id: 'listHostGroupVersions',
      summary: 'The versions of the configuration of a group of hosts',
      tag,
      action: 'host:list',
      params,
      query: z.strictObject({ limit: z.coerce.number().int().min(1).max(hostConfigLimits.versionsKept).default(20) }),
      answer: z.object({ items: z.array(group).describe('Newest first') }),
      errors: ['GROUP_UNKNOWN'],
      handle: async (by, { params: { group: name }, query: { limit } }) => ({
        items: (await groups.versions(by, name, limit)).map(groupJson),
      }),
    }),
    route({
      method: 'PUT',
      path: '/api/v1/host-groups/{group}/config',
      id: 'setHostGroupConfig',
      summary:
        'Make the next version of the configuration of a group of hosts, or the group; its hosts are told at once',
      tag,
      action: 'host:configure',
      params,
      body: z.strictObject({
        config,
        cause,
        base_version: z.number().int().min(0).optional().describe('Made from this version; 0: there is none yet'),
      }),
      bodyMax,
      answer: written,
      errors: ['GROUP_CONFIG_INVALID', 'GROUP_CHANGED_MEANWHILE', 'GROUPS_TOO_MANY'],
      handle: async (by, { params: { group: name }, body }) => {
        const given = { config: body.config, cause: body.cause, base: body.base_version }
        const { record, recorded: line } = await groups.set(by, name, given)
        return { group: groupJson(record), ledger: recordedJson(line) }
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/host-groups/{group}/rollback',
      id: 'rollBackHostGroup',
      summary: 'Make the next version of the configuration of a group of hosts of what an earlier one says',
      tag,
      action: 'host:configure',
      params,
      body: z.strictObject({ version, cause }),
      answer: written,
      errors: ['GROUP_UNKNOWN', 'GROUP_CHANGED_MEANWHILE'],
      handle: async (by, { params: { group: name }, body }) => {
        const { record, recorded: line } = await groups.rollBack(by, name, body.version, body.cause)
        return { group: groupJson(record), ledger: recordedJson(line) }
      },
    }),
    route({
      method: 'PUT',
      path: '/api/v1/hosts/{host_id}/groups',
      id: 'assignHostGroups',
      summary: 'Say in which groups a host is; where two of them set the same number, the later one counts',
      tag,
      action: 'host:configure',
      params: z.object({
        host_id: z
          .string()
          .regex(/^[0-9a-f]{32}$/)
          .describe('A host'),
      }),
      body: z.strictObject({ groups: z.array(groupName).max(hostConfigLimits.groupsOfHostMax), cause }),
      answer: z.object({ ledger: recorded }),
      errors: ['GROUP_UNKNOWN', 'GROUPS_TOO_MANY', 'HOST_UNKNOWN'],
      handle: async (by, { params: { host_id }, body }) => ({
        ledger: recordedJson(await groups.assign(by, host_id, body.groups, body.cause)),
      }),
    }),
  ]
}

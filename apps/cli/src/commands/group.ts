// SPDX-License-Identifier: Apache-2.0

import { apiOptions, withApi } from '../api.ts'
import { command, exit } from '../command.ts'
import { columns, safe, safeJson } from '../terminal.ts'

const operands = [
  { name: 'GROUP', required: true },
  { name: 'ROLE', required: true },
] as const

export const groupList = command({
  name: 'group list',
  summary: "What the provider's groups stand for in a tenant; in cluster, in all",
  options: apiOptions,
  examples: ['sudo ./sealwatch group list --tenant acme'],
  run: async (at, _operands, { io, place, json }) => {
    const { items } = await withApi({ ...at, io, place }, 'listing groups', (api) => api.call('listGroupRoles'))
    const rows = items.map((row) => [safe(row.tenant), safe(row.group), safe(row.role)])
    io.out(json ? `${safeJson({ items })}\n` : columns([['TENANT', 'GROUP', 'ROLE'], ...rows]))
    return exit.ok
  },
})

export const groupGrant = command({
  name: 'group grant',
  summary: 'Let a group of the provider stand for a role',
  about: `It counts from the next log-in of each of its people on. GROUP is what the provider writes into its claim
(docs/sign-in.md). Groups are of no tenant: an admin of the deployment says what they stand for, not one of the tenant.`,
  operands,
  options: apiOptions,
  examples: ['sudo ./sealwatch group grant /sec/oncall responder --tenant acme'],
  run: async ({ server, tenant = 'default' }, [group = '', role = ''], { io, place, json }) => {
    const at = { io, place, server, tenant: undefined }
    const answer = await withApi(at, 'granting a role to a group', (api) =>
      api.call('addGroupRole', { params: { tenant_name: tenant }, body: { group, role } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(group)} stands for ${safe(role)}.\n`)
    return exit.ok
  },
})

export const groupRevoke = command({
  name: 'group revoke',
  summary: 'Take from everybody at once what a group gave them',
  operands,
  options: apiOptions,
  examples: ['sudo ./sealwatch group revoke /sec/oncall responder --tenant acme'],
  run: async ({ server, tenant = 'default' }, [group = '', role = ''], { io, place, json }) => {
    const at = { io, place, server, tenant: undefined }
    const answer = await withApi(at, 'taking a role from a group', (api) =>
      api.call('removeGroupRole', { params: { tenant_name: tenant }, query: { group, role } }),
    )
    io.out(json ? `${safeJson(answer)}\n` : `${safe(group)} does not stand for ${safe(role)} any more.\n`)
    return exit.ok
  },
})

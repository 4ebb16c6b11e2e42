// SPDX-License-Identifier: Apache-2.0

import { tenantForm } from '@sealwatch/contract'
import { z } from 'zod'
import type { Access } from '../../../access/index.ts'
import { type Route, route } from '../route.ts'
import { recorded, recordedJson, roleName } from '../shapes.ts'

const tag = 'access'
const groupRole = z.strictObject({
  group: z.string().min(1).max(256).describe('As the provider writes it in its claim'),
  role: roleName,
})
const params = z.object({ tenant_name: z.string().regex(tenantForm) })
const path = '/api/v1/tenants/{tenant_name}/group-roles'

/** A tenant sees what groups stand for in it; an admin of the deployment decides that, for groups are of no tenant. */
export const groupRoleRoutes = ({ groupRoles }: Pick<Access, 'groupRoles'>): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/group-roles',
    id: 'listGroupRoles',
    summary: "What the provider's groups stand for in the tenant; asked in `cluster`, in all tenants",
    tag,
    action: 'member:list',
    answer: z.object({ items: z.array(groupRole.extend({ tenant: z.string() })) }),
    handle: async (by) => ({ items: groupRoles.list(by) }),
  }),
  route({
    method: 'POST',
    path,
    id: 'addGroupRole',
    summary: 'Let a group of the provider stand for a role in a tenant, from the next log-in of each of its people on',
    tag,
    action: 'group:map',
    params,
    body: groupRole,
    answer: z.object({ ledger: recorded }),
    errors: ['TENANT_UNKNOWN', 'GROUP_NAME', 'ROLE_UNKNOWN', 'ACCESS_TOO_MANY'],
    handle: async (by, { params: { tenant_name: tenant }, body }) => ({
      ledger: recordedJson(await groupRoles.put(by, { tenant, ...body })),
    }),
  }),
  route({
    method: 'DELETE',
    path,
    id: 'removeGroupRole',
    summary: 'Take from everybody at once what a group of the provider gave them in a tenant',
    tag,
    action: 'group:map',
    params,
    query: groupRole,
    answer: z.object({ ledger: recorded }),
    errors: ['GRANT_UNKNOWN'],
    handle: async (by, { params: { tenant_name: tenant }, query }) => ({
      ledger: recordedJson(await groupRoles.remove(by, { tenant, ...query })),
    }),
  }),
]

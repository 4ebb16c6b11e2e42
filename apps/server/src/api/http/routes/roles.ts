// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { type Access, grantableActions } from '../../../access/index.ts'
import { type Route, route } from '../route.ts'
import { customRoleName, recorded, recordedJson, roleName } from '../shapes.ts'

const role = z.object({ name: roleName, custom: z.boolean(), actions: z.array(z.string()) })

export const roleRoutes = ({ roles }: Access): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/roles',
    id: 'listRoles',
    summary: 'The roles of the tenant, what each may, and all that a custom one may be made of',
    tag: 'access',
    action: 'role:list',
    answer: z.object({ items: z.array(role), grantable_actions: z.array(z.string()) }),
    handle: async (by) => ({
      items: roles.list(by).map(({ name, custom, actions }) => ({ name, custom, actions: [...actions] })),
      grantable_actions: [...grantableActions],
    }),
  }),
  route({
    method: 'PUT',
    path: '/api/v1/roles/{name}',
    id: 'putRole',
    summary: 'Make or change a custom role',
    tag: 'access',
    action: 'role:write',
    params: z.object({ name: customRoleName }),
    body: z.strictObject({ actions: z.array(z.string().max(64)).max(100) }),
    answer: z.object({ ledger: recorded }),
    errors: ['ROLE_INVALID', 'GRANT_BEYOND_OWN', 'ACCESS_TOO_MANY'],
    handle: async (by, { params, body }) => ({ ledger: recordedJson(await roles.put(by, params.name, body.actions)) }),
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/roles/{name}',
    id: 'removeRole',
    summary: 'Remove a custom role that nobody holds',
    tag: 'access',
    action: 'role:write',
    params: z.object({ name: customRoleName }),
    answer: z.object({ ledger: recorded }),
    errors: ['ROLE_UNKNOWN', 'ROLE_IN_USE'],
    handle: async (by, { params }) => ({ ledger: recordedJson(await roles.remove(by, params.name)) }),
  }),
]

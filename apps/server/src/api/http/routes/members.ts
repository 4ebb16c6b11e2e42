// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import type { Access, SignIn } from '../../../access/index.ts'
import { type Route, route } from '../route.ts'
import { personId, recorded, recordedJson, roleName, tenantName, time } from '../shapes.ts'

const grant = z.object({
  person_id: personId,
  name: z.string().describe('How they are called, as their provider says'),
  email: z.string(),
  role: roleName,
  granted_at: time,
  granted_by: z.string(),
})

export const memberRoutes = ({ grants }: Access, { people }: Pick<SignIn, 'people'>): Route[] => [
  route({
    method: 'GET',
    path: '/api/v1/members',
    id: 'listMembers',
    summary: 'Who holds which role in the tenant',
    tag: 'access',
    action: 'member:list',
    answer: z.object({ items: z.array(grant) }),
    handle: async (by) => {
      const held = grants.list(by)
      const called = new Map(
        (await people.find([...new Set(held.map(({ personId }) => personId))])).map((one) => [one.personId, one]),
      )
      return {
        items: held.map(({ personId, role, grantedAt, grantedBy }) => ({
          person_id: personId,
          name: called.get(personId)?.name ?? '',
          email: called.get(personId)?.email ?? '',
          role,
          granted_at: grantedAt,
          granted_by: grantedBy,
        })),
      }
    },
  }),
  route({
    method: 'PUT',
    path: '/api/v1/tenants/{tenant_name}/admins/{person_id}',
    id: 'appointAdmin',
    summary: 'Appoint the first admin of a tenant that has none: somebody else than oneself',
    tag: 'access',
    action: 'tenant:appoint',
    params: z.object({ tenant_name: tenantName, person_id: personId }),
    answer: z.object({ ledger: recorded }),
    errors: ['TENANT_UNKNOWN', 'PERSON_UNKNOWN', 'APPOINT_HELD', 'APPOINT_OWN', 'ACCESS_TOO_MANY'],
    handle: async (by, { params }) => ({
      ledger: recordedJson(await grants.appoint(by, params.tenant_name, params.person_id)),
    }),
  }),
  route({
    method: 'PUT',
    path: '/api/v1/members/{person_id}/roles/{role}',
    id: 'grantRole',
    summary: 'Grant a role to a person',
    tag: 'access',
    action: 'member:grant',
    params: z.object({ person_id: personId, role: roleName }),
    answer: z.object({ ledger: recorded }),
    errors: ['ROLE_UNKNOWN', 'GRANT_BEYOND_OWN', 'ACCESS_TOO_MANY'],
    handle: async (by, { params }) => ({ ledger: recordedJson(await grants.grant(by, params.person_id, params.role)) }),
  }),
  route({
    method: 'DELETE',
    path: '/api/v1/members/{person_id}/roles/{role}',
    id: 'takeRole',
    summary: 'Take a role from a person; it counts at once',
    tag: 'access',
    action: 'member:grant',
    params: z.object({ person_id: personId, role: roleName }),
    answer: z.object({ ledger: recorded }),
    errors: ['GRANT_UNKNOWN', 'GRANT_LAST_ADMIN'],
    handle: async (by, { params }) => ({
      ledger: recordedJson(await grants.revoke(by, params.person_id, params.role)),
    }),
  }),
]

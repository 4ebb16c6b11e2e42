// SPDX-License-Identifier: Apache-2.0

import { z } from 'zod'
import { type Access, actBy } from '../../../access/index.ts'
import { auditTenant, type Recorded } from '../../../identity/index.ts'
import { linesPerSecondLimits, type Tenant, type TenantRegistry, type Tenants } from '../../../tenants/index.ts'
import { type Route, route } from '../route.ts'
import { pageOf, pageQuery, recorded, recordedJson, tenantName, time } from '../shapes.ts'

export type TenantPorts = {
  readonly registry: Pick<TenantRegistry, 'list' | 'get'>
  readonly tenants: Omit<Tenants, 'run'>
  readonly access: { readonly grants: Pick<Access['grants'], 'hasAdmin'> }
}

const name = tenantName.describe('Of a tenant; never changes, and is given once')
const title = z.string().min(1).max(400).describe('What people call it: up to 100 characters that can be seen')
const { min, max } = linesPerSecondLimits
const linesPerSecond = z.number().int().min(min).max(max).nullable().describe('null: as the settings of the server say')

const tenant = z.object({
  name,
  title: z.string(),
  state: z.enum(['active', 'suspended', 'erasing', 'erased']),
  created_at: time,
  lines_per_second: linesPerSecond,
})

const tenantJson = (row: Tenant) => ({
  name: row.name,
  title: row.title,
  state: row.state,
  created_at: row.createdAt,
  lines_per_second: row.linesPerSecond,
})

const listed = tenant.extend({
  has_admin: z.boolean().describe('Whether somebody holds the role of its admin; without, one can be appointed'),
})
const acted = z.object({ tenant, ledger: recorded })
const params = z.object({ tenant_name: name })
const always = ['TENANT_UNKNOWN', 'TENANT_STATE'] as const

/** Tenants as objects of the deployment: whoever acts on them acts in the tenant `cluster`. */
export function tenantRoutes({ registry, tenants, access: { grants } }: TenantPorts): Route[] {
  const actedJson = (of: string, done: Recorded) => ({
    tenant: tenantJson(registry.get(of)),
    ledger: recordedJson(done),
  })
  return [
    route({
      method: 'GET',
      path: '/api/v1/tenants',
      id: 'listTenants',
      summary: 'The tenants of the deployment, by name',
      tag: 'tenants',
      action: 'tenant:list',
      query: z.strictObject({
        ...pageQuery,
        erased: z.enum(['true', 'false']).default('false').describe('Also those that were erased'),
      }),
      answer: pageOf(listed),
      handle: async (by, { query: { limit, cursor = '', erased } }) => {
        const rest = registry
          .list()
          .filter((row) => row.name > cursor && (erased === 'true' || row.state !== 'erased'))
          .sort((a, b) => (a.name < b.name ? -1 : 1))
        const items = rest.slice(0, limit)
        return {
          items: items.map((row) => ({ ...tenantJson(row), has_admin: grants.hasAdmin(by, row.name) })),
          next: rest.length > limit ? (items.at(-1)?.name ?? null) : null,
        }
      },
    }),
    route({
      method: 'POST',
      path: '/api/v1/tenants',
      id: 'createTenant',
      summary: 'Create a tenant, with a ledger of its own',
      tag: 'tenants',
      action: 'tenant:create',
      body: z.strictObject({ name, title: title.optional() }),
      answer: acted,
      status: 201,
      errors: ['TENANT_NAME_INVALID', 'TENANT_TITLE_INVALID', 'TENANT_EXISTS', 'TENANT_LOOKALIKE', 'TENANTS_TOO_MANY'],
      handle: async (by, { body }) =>
        actedJson(body.name, await tenants.create(actBy(by), body.name, body.title ?? body.name)),
    }),
    route({
      method: 'PUT',
      path: '/api/v1/tenants/{tenant_name}/title',
      id: 'renameTenant',
      summary: 'Give a tenant another title',
      tag: 'tenants',
      action: 'tenant:rename',
      params,
      body: z.strictObject({ title }),
      answer: acted,
      errors: [...always, 'TENANT_TITLE_INVALID', 'TENANT_LOOKALIKE'],
      handle: async (by, { params: { tenant_name: of }, body }) =>
        actedJson(of, await tenants.rename(actBy(by), of, body.title)),
    }),
    route({
      method: 'POST',
      path: '/api/v1/tenants/{tenant_name}/suspend',
      id: 'suspendTenant',
      summary: 'Let nothing come in for a tenant, and nobody act in it; it counts at once',
      tag: 'tenants',
      action: 'tenant:suspend',
      params,
      answer: acted,
      errors: [...always, 'TENANT_STANDING'],
      handle: async (by, { params: { tenant_name: of } }) => actedJson(of, await tenants.suspend(actBy(by), of)),
    }),
    route({
      method: 'POST',
      path: '/api/v1/tenants/{tenant_name}/resume',
      id: 'resumeTenant',
      summary: 'Let a suspended tenant go on',
      tag: 'tenants',
      action: 'tenant:suspend',
      params,
      answer: acted,
      errors: [...always],
      handle: async (by, { params: { tenant_name: of } }) => actedJson(of, await tenants.resume(actBy(by), of)),
    }),
    route({
      method: 'DELETE',
      path: '/api/v1/tenants/{tenant_name}',
      id: 'eraseTenant',
      summary: 'Erase a tenant for good: hosts, keys and data; what the root ledger says of it stays',
      tag: 'tenants',
      action: 'tenant:erase',
      params,
      answer: z.object({
        keys: z.number().int().describe('Destroyed, those of persons included'),
        ledger: recorded.nullable().describe('The order in the ledger; null: an interrupted erasure was finished'),
      }),
      errors: [...always, 'TENANT_STANDING'],
      handle: async (by, { params: { tenant_name: of } }) => {
        const { leafIndex, tenantKeys, subjectKeys } = await tenants.erase(actBy(by), of)
        const ledger = leafIndex === undefined ? null : recordedJson({ tenant: auditTenant, leafIndex })
        return { keys: tenantKeys + subjectKeys, ledger }
      },
    }),
    route({
      method: 'PUT',
      path: '/api/v1/tenants/{tenant_name}/limits',
      id: 'limitTenant',
      summary: 'Set how much the hosts of a tenant may ship',
      tag: 'tenants',
      action: 'tenant:limit',
      params,
      body: z.strictObject({ lines_per_second: linesPerSecond }),
      answer: acted,
      errors: [...always, 'TENANT_QUOTA_INVALID'],
      handle: async (by, { params: { tenant_name: of }, body }) =>
        actedJson(of, await tenants.limit(actBy(by), of, body.lines_per_second)),
    }),
  ]
}

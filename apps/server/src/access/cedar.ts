// SPDX-License-Identifier: Apache-2.0
// The language in which it is written who may do what (docs/adr/2026-11-21-cedar.md).

import {
  type EntityUidJson,
  preparsePolicySet,
  preparseSchema,
  type Schema,
  statefulIsAuthorized,
  validate,
} from '@cedar-policy/cedar-wasm/nodejs'
import { type Action, actionNames, grantableActions, standingActions, standingRoles } from './actions.ts'
import { nameOf, type Principal } from './principal.ts'

const kinds = {
  person: 'Person',
  machine: 'Machine',
  operator: 'Operator',
  agent: 'Agent',
  service: 'Service',
} as const
const schemaName = 'sealwatch'
const uid = (type: string, id: string) => ({ type: `Sealwatch::${type}`, id })

/** Roles are of one tenant each, and an agent is a host of one. */
export const cedarSchema: Schema = {
  Sealwatch: {
    entityTypes: {
      Tenant: {},
      Role: {},
      Person: { memberOfTypes: ['Role'] },
      Machine: { memberOfTypes: ['Role'] },
      Operator: {},
      Agent: { memberOfTypes: ['Role'] },
      Service: { memberOfTypes: ['Role'] },
    },
    actions: Object.fromEntries(
      actionNames.map((name) => [
        name,
        {
          appliesTo: {
            principalTypes: Object.values(kinds),
            resourceTypes: ['Tenant'],
            context: {
              type: 'Record' as const,
              attributes: {
                asked: { type: 'String' as const },
                scope: { type: 'Set' as const, element: { type: 'String' as const } },
                suspended: { type: 'Boolean' as const },
              },
            },
          },
        },
      ]),
    ),
  },
}

/** A role that a tenant made for itself. */
export type CustomRole = { readonly name: string; readonly actions: readonly Action[] }

const listOf = (names: readonly string[]) => names.map((name) => `Sealwatch::Action::"${name}"`).join(', ')

/**
 * The policies of one tenant, as text: one for each role. Names of tenants and roles have forms that need no escape
 * (slugName, roleName).
 */
export function policiesOf(tenant: string, customRoles: readonly CustomRole[]): Readonly<Record<string, string>> {
  const rows = [
    ...standingRoles.map((role) => [role, standingActions(role, tenant)] as const),
    ...customRoles.map(({ name, actions: may }) => [`custom/${name}`, may.filter(isGrantable)] as const),
  ]
  const resource = `resource == Sealwatch::Tenant::"${tenant}"`
  return {
    ...Object.fromEntries(
      rows
        .filter(([, may]) => may.length > 0)
        .map(([role, may]) => [
          role,
          `permit (principal in Sealwatch::Role::"${tenant}/${role}", action in [${listOf(may)}], ${resource});`,
        ]),
    ),
    operator: `permit (principal is Sealwatch::Operator, action, ${resource});`,
    agent: `permit (principal is Sealwatch::Agent, action == Sealwatch::Action::"agent:report", ${resource})
      when { principal in Sealwatch::Role::"${tenant}/host" };`,
    service: `permit (principal is Sealwatch::Service, action == Sealwatch::Action::"rows:write", ${resource})
      when { principal in Sealwatch::Role::"${tenant}/service" };`,
    machine: `permit (principal is Sealwatch::Machine, action in [${listOf(grantableActions)}], ${resource})
      when { principal in Sealwatch::Role::"${tenant}/machine" && context.scope.contains(context.asked) };`,
    // Root acts on it still, and its hosts stay in touch: what they bring waits on them (ingest/admission.ts).
    suspended: `forbid (principal, action, resource) when { context.suspended }
      unless { principal is Sealwatch::Operator || principal is Sealwatch::Agent };`,
  }
}

const isGrantable = (name: Action) => grantableActions.includes(name)

export type Question = {
  readonly principal: Principal
  readonly action: Action
  readonly tenant: string
  /** Held by the principal in that tenant: standing ones, and `custom/NAME`. */
  readonly roles: readonly string[]
  readonly suspended: boolean
}

/** Keeps one parsed set of policies for each tenant that was asked about lately. */
export type Cedar = {
  /** Throws where Cedar cannot evaluate: that is no permission. */
  decides(question: Question): boolean
  /** The tenant's roles are others now. */
  forget(tenant: string): void
}

/** Policies of tenants that are kept parsed. */
const setsMax = 4_096
/** The parser keeps what it parsed until something else takes the name. */
const empty = { staticPolicies: {} }

export function createCedar(customRolesOf: (tenant: string) => readonly CustomRole[]): Cedar {
  expectSuccess(preparseSchema(schemaName, cedarSchema))
  const parsed = new Set<string>()

  function parse(tenant: string): void {
    if (parsed.has(tenant)) return
    if (parsed.size >= setsMax) forget(parsed.values().next().value as string)
    expectSuccess(preparsePolicySet(tenant, { staticPolicies: { ...policiesOf(tenant, customRolesOf(tenant)) } }))
    parsed.add(tenant)
  }

  function forget(tenant: string): void {
    if (parsed.delete(tenant)) expectSuccess(preparsePolicySet(tenant, empty))
  }

  return {
    decides({ principal, action, tenant, roles, suspended }) {
      parse(tenant)
      const own = uid(kinds[principal.kind], nameOf(principal))
      const answer = statefulIsAuthorized({
        principal: own,
        action: uid('Action', action),
        resource: uid('Tenant', tenant),
        context: { asked: action, scope: [...(principal.kind === 'machine' ? principal.actions : [])], suspended },
        preparsedSchemaName: schemaName,
        validateRequest: true,
        preparsedPolicySetId: tenant,
        entities: [
          { uid: own, attrs: {}, parents: rolesOf(principal, tenant, roles) },
          { uid: uid('Tenant', tenant), attrs: {}, parents: [] },
        ],
      })
      expectSuccess(answer)
      return (
        answer.type === 'success' &&
        answer.response.decision === 'allow' &&
        answer.response.diagnostics.errors.length === 0
      )
    },
    forget,
  }
}

/** A token, a host and a service are of one tenant by what they are, not by what was granted to them. */
function rolesOf(principal: Principal, tenant: string, roles: readonly string[]): EntityUidJson[] {
  if (principal.kind === 'operator') return []
  if (principal.kind === 'person') return roles.map((role) => uid('Role', `${tenant}/${role}`))
  const own = principal.kind === 'agent' ? 'host' : principal.kind
  const isOf = principal.tenant === tenant || (principal.kind === 'agent' && tenant === 'cluster')
  return isOf ? [uid('Role', `${tenant}/${own}`)] : []
}

/** What Cedar's validator says of a tenant's policies; empty: all is in order. */
export function faultsIn(tenant: string, customRoles: readonly CustomRole[]): string[] {
  const answer = validate({
    schema: cedarSchema,
    policies: { staticPolicies: { ...policiesOf(tenant, customRoles) } },
    validationSettings: { mode: 'strict' },
  })
  if (answer.type === 'failure') return answer.errors.map(({ message }) => message)
  return [...answer.validationErrors, ...answer.validationWarnings].map(
    ({ policyId, error }) => `${policyId}: ${error.message}`,
  )
}

function expectSuccess(answer: {
  readonly type: string
  readonly errors?: readonly { readonly message: string }[]
}): void {
  if (answer.type !== 'success') throw new Error(`Cedar: ${answer.errors?.map(({ message }) => message).join('; ')}`)
}

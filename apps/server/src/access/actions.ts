// SPDX-License-Identifier: Apache-2.0

import { nearest } from '@sealwatch/contract/nearest'

/** The roles of POL-3. A cluster admin is one in the tenant `cluster`, where the deployment's own matters are. */
export const standingRoles = ['cluster_admin', 'tenant_admin', 'responder', 'auditor', 'viewer'] as const
export type StandingRole = (typeof standingRoles)[number]

const everyone = ['viewer', 'auditor', 'responder', 'tenant_admin'] as const
const overseers = ['auditor', 'responder', 'tenant_admin'] as const
const auditors = ['auditor', 'tenant_admin'] as const
const responders = ['responder', 'tenant_admin'] as const
const admins = ['tenant_admin'] as const
const cluster = ['cluster_admin'] as const
const clusterAuditors = ['cluster_admin', 'auditor'] as const

/**
 * All that can be asked for, and the standing roles that may. `of: 'deployment'`: only within the tenant `cluster`, and
 * no custom role has it. `of: 'tenant'`: within whichever tenant the request acts in; custom roles are made of these.
 * A cluster admin may these in the tenant `cluster` too, and in no other.
 */
export const actions = {
  'tenant:list': { of: 'deployment', roles: clusterAuditors },
  'tenant:create': { of: 'deployment', roles: cluster },
  'tenant:rename': { of: 'deployment', roles: cluster },
  'tenant:limit': { of: 'deployment', roles: cluster },
  'tenant:suspend': { of: 'deployment', roles: cluster },
  'tenant:erase': { of: 'deployment', roles: cluster },
  'tenant:appoint': { of: 'deployment', roles: cluster },
  'group:map': { of: 'deployment', roles: cluster },
  'person:list': { of: 'deployment', roles: clusterAuditors },
  'person:disable': { of: 'deployment', roles: cluster },
  'person:sign-out': { of: 'deployment', roles: cluster },
  'person:erase': { of: 'deployment', roles: cluster },
  'deployment:read': { of: 'deployment', roles: clusterAuditors },
  'keys:read': { of: 'deployment', roles: clusterAuditors },
  'keys:rotate': { of: 'deployment', roles: cluster },
  'keys:evict': { of: 'deployment', roles: cluster },
  'manifest:read': { of: 'deployment', roles: clusterAuditors },
  'manifest:sign': { of: 'deployment', roles: cluster },
  'manifest:apply': { of: 'deployment', roles: cluster },
  // For root alone.
  'trust-root:install': { of: 'deployment', roles: [] },
  'login-link:create': { of: 'deployment', roles: [] },
  'break-glass:open': { of: 'deployment', roles: [] },
  'break-glass:acknowledge': { of: 'deployment', roles: cluster },
  'alert:list': { of: 'tenant', roles: everyone },
  'event:list': { of: 'tenant', roles: everyone },
  'event:reveal': { of: 'tenant', roles: overseers },
  'event:export': { of: 'tenant', roles: overseers },
  'feed:subscribe': { of: 'tenant', roles: everyone },
  'ledger:read': { of: 'tenant', roles: everyone },
  'audit:list': { of: 'tenant', roles: auditors },
  'host:list': { of: 'tenant', roles: everyone },
  'host:invite': { of: 'tenant', roles: admins },
  'host:revoke': { of: 'tenant', roles: admins },
  'host:configure': { of: 'tenant', roles: admins },
  'producer:read': { of: 'tenant', roles: everyone },
  'producer:manage': { of: 'tenant', roles: admins },
  'producer:halt': { of: 'tenant', roles: responders },
  'signoff:read': { of: 'tenant', roles: everyone },
  'signoff:write': { of: 'tenant', roles: admins },
  'strict:read': { of: 'tenant', roles: everyone },
  'strict:switch': { of: 'tenant', roles: admins },
  'member:list': { of: 'tenant', roles: auditors },
  'member:invite': { of: 'tenant', roles: admins },
  'member:grant': { of: 'tenant', roles: admins },
  'role:list': { of: 'tenant', roles: auditors },
  'role:write': { of: 'tenant', roles: admins },
  'token:list': { of: 'tenant', roles: auditors },
  'token:create': { of: 'tenant', roles: admins },
  'token:revoke': { of: 'tenant', roles: admins },
  'rule:read': { of: 'tenant', roles: everyone },
  'rule:except': { of: 'tenant', roles: admins },
  'policy:read': { of: 'tenant', roles: everyone },
  'policy:try': { of: 'tenant', roles: overseers },
  'policy:write': { of: 'tenant', roles: admins },
  /** With a token that is bound to a service. */
  'rows:write': { of: 'tenant', roles: admins },
  'subject:erase': { of: 'tenant', roles: admins },
  'quarantine:read': { of: 'tenant', roles: overseers },
  'notification:read': { of: 'tenant', roles: auditors },
  'notification:manage': { of: 'tenant', roles: admins },
  'drill:read': { of: 'tenant', roles: overseers },
  'drill:run': { of: 'tenant', roles: responders },
  'quarantine:replay': { of: 'tenant', roles: responders },
  'quarantine:release': { of: 'tenant', roles: responders },
  'threat:analyze': { of: 'tenant', roles: responders },
  /** How requests are judged, and what came of it. */
  'threat:read': { of: 'tenant', roles: everyone },
  'threat:feedback': { of: 'tenant', roles: responders },
  'threat:tune': { of: 'tenant', roles: admins },
  'vulnerability:list': { of: 'tenant', roles: everyone },
  'vulnerability:scan': { of: 'tenant', roles: responders },
  'incident:read': { of: 'tenant', roles: everyone },
  'incident:open': { of: 'tenant', roles: responders },
  /** A host's own stream; nobody else's. */
  'agent:report': { of: 'tenant', roles: [] },
} as const satisfies Readonly<
  Record<string, { readonly of: 'deployment' | 'tenant'; readonly roles: readonly StandingRole[] }>
>

export type Action = keyof typeof actions
export const isAction = (name: string): name is Action => Object.hasOwn(actions, name)
export const actionNames = Object.keys(actions) as Action[]

/** What a custom role, or a token, may be made of. */
export const grantableActions: readonly Action[] = actionNames.filter(
  (name) => actions[name].of === 'tenant' && actions[name].roles.length > 0,
)

/** Why these are not given to tokens or custom roles (`whom`); undefined: all of them may be. */
export function notGrantable(wanted: readonly string[], whom: string): string | undefined {
  const names: readonly string[] = grantableActions
  const refused = wanted.filter((name) => !names.includes(name))
  const beyond = refused.filter(isAction)
  const unknown = refused
    .filter((name) => !isAction(name))
    .map((name) => {
      const meant = nearest(name, names)
      return meant === undefined ? name : `${name} (did you mean ${meant}?)`
    })
  const parts = [
    ...(unknown.length === 0 ? [] : [`what is no action: ${unknown.join(', ')}`]),
    ...(beyond.length === 0
      ? []
      : [`${beyond.join(', ')}: for admins of the deployment and the operator, not for ${whom}`]),
  ]
  return wanted.length === 0 ? 'no action' : parts.join('; ') || undefined
}

/** What a standing role may in a tenant. */
export const standingActions = (role: StandingRole, tenant: string): Action[] =>
  actionNames.filter((name) => {
    const { of, roles } = actions[name]
    const isCluster = tenant === 'cluster'
    if (role === 'cluster_admin' && of === 'tenant') return isCluster && grantableActions.includes(name)
    return (roles as readonly StandingRole[]).includes(role) && (of === 'tenant' || isCluster)
  })

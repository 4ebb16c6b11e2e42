// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base'
import type { ActBy } from '../identity/index.ts'
import { type Action, actions } from './actions.ts'
import { type CustomRole, createCedar } from './cedar.ts'
import { nameOf, type Principal } from './principal.ts'

export const gateErrors = {
  ACCESS_DENIED: {
    kind: 'denied',
    rule: 'the principal holds a role that allows the action in the tenant it acts in (docs/access.md)',
    advice: 'Ask an admin of the tenant for a role that has the action; `sealwatch role list` shows what each may',
  },
} as const satisfies ErrorTable
export const gateError = errorsOf(gateErrors)

declare const authorised: unique symbol
/**
 * What a principal may do, in one tenant: the only thing that the rooms behind the gate take a tenant from. Only
 * `authorise` makes one.
 */
export type Authorised<A extends Action = Action> = {
  readonly principal: Principal
  readonly action: A
  readonly tenant: string
  /** Of the request, for the ledger's line about what comes of it. */
  readonly requestId: string
  readonly [authorised]: A
}

/** As the line of a ledger names it. */
export const actBy = ({ principal, requestId }: Authorised): ActBy => ({ name: nameOf(principal), requestId })

export type Denial = {
  readonly principal: Principal
  /** An action, or a route that needs none. */
  readonly action: string
  readonly tenant: string
  readonly requestId: string
  /** Why, where it was not the gate: what its roles would let it do was denied all the same. */
  readonly code?: string
}

export type Gate = {
  /** Throws ACCESS_DENIED, and says so to `onDenied`. */
  authorise<A extends Action>(
    principal: Principal,
    action: A,
    at: { readonly tenant: string; readonly requestId: string },
  ): Authorised<A>
  /** The same question without consequences: what a page shows, or what a token may be made of. */
  mayDo(principal: Principal, action: Action, tenant: string): boolean
  /** Grants, roles, or the state of tenants changed. Undefined: of any tenant. */
  changed(tenant?: string): void
}

export type GateOptions = {
  /** What the principal holds in the tenant. */
  readonly rolesOf: (principal: Principal, tenant: string) => readonly string[]
  readonly customRolesOf: (tenant: string) => readonly CustomRole[]
  readonly stateOf: (tenant: string) => 'active' | 'suspended' | undefined
  readonly onDenied: (denial: Denial) => void
}

/** Decisions that are kept; when there are more, all are made again. */
const decisionsMax = 200_000

/** Every request of every kind comes through here. What cannot be decided is denied. */
export function createGate({ rolesOf, customRolesOf, stateOf, onDenied }: GateOptions): Gate {
  const cedar = createCedar(customRolesOf)
  const decisions = new Map<string, boolean>()

  function mayDo(principal: Principal, action: Action, tenant: string): boolean {
    // A token's actions never change, so its id stands for them; no policy names a host, so its tenant stands for it.
    const who = principal.kind === 'agent' ? `agents of ${principal.tenant}` : nameOf(principal)
    const key = `${tenant} ${action} ${who}`
    const known = decisions.get(key)
    if (known !== undefined) return known
    const decision = decide(principal, action, tenant)
    if (decisions.size >= decisionsMax) decisions.clear()
    decisions.set(key, decision)
    return decision
  }

  function decide(principal: Principal, action: Action, tenant: string): boolean {
    const state = stateOf(tenant)
    if (state === undefined || (actions[action].of === 'deployment' && tenant !== 'cluster')) return false
    const roles = rolesOf(principal, tenant)
    return cedar.decides({ principal, action, tenant, roles, suspended: state === 'suspended' })
  }

  return {
    mayDo,
    authorise<A extends Action>(
      principal: Principal,
      action: A,
      { tenant, requestId }: { readonly tenant: string; readonly requestId: string },
    ) {
      if (mayDo(principal, action, tenant)) return { principal, action, tenant, requestId } as Authorised<A>
      onDenied({ principal, action, tenant, requestId })
      throw gateError('ACCESS_DENIED', {
        attempted: `${action} in the tenant ${tenant}`,
        received: `the principal ${nameOf(principal)}`,
      })
    },
    changed(tenant) {
      decisions.clear()
      if (tenant !== undefined) cedar.forget(tenant)
    },
  }
}

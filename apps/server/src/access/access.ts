// SPDX-License-Identifier: Apache-2.0

import type { Log } from '@sealwatch/base'
import type { RecordOptions } from '../identity/index.ts'
import { createDenials, type Denials } from './denials.ts'
import { createGate, type Gate } from './gate.ts'
import { type Grants, openGrants } from './grants.ts'
import { type GroupRoles, openGroupRoles } from './group-roles.ts'
import { openRoles, type Roles } from './roles.ts'
import { openTokens, type Tokens } from './tokens.ts'

/** Who may do what, and who says so. */
export type Access = {
  readonly gate: Gate
  readonly grants: Grants
  readonly groupRoles: GroupRoles
  readonly roles: Roles
  readonly tokens: Tokens
  readonly denials: Denials
  /** Nothing that was given in a tenant outlives it: no grant, no role, no group's role, no token. */
  forgetTenant(tenant: string): void
}

export type AccessOptions = RecordOptions & {
  readonly stateOf: (tenant: string) => 'active' | 'suspended' | undefined
  readonly log: Log
}

export async function openAccess(options: AccessOptions): Promise<Access> {
  const denials = createDenials({ ...options, isTenant: (tenant) => options.stateOf(tenant) !== undefined })
  // The three know each other only when they are asked.
  const room: { gate?: Gate; roles?: Roles } = {}
  const gate = () => room.gate as Gate
  const grants = await openGrants({ ...options, gate, roles: () => room.roles as Roles })
  const roles = await openRoles({ ...options, gate })
  room.roles = roles
  room.gate = createGate({
    rolesOf: grants.rolesOf,
    customRolesOf: roles.of,
    stateOf: options.stateOf,
    onDenied: denials.note,
  })
  const groupRoles = await openGroupRoles({ ...options, grants })
  const tokens = await openTokens({ ...options, gate })
  return {
    gate: room.gate,
    grants,
    groupRoles,
    roles,
    tokens,
    denials,
    forgetTenant: (tenant) => {
      for (const one of [grants, groupRoles, roles, tokens]) one.forgetTenant(tenant)
      gate().changed(tenant)
    },
  }
}

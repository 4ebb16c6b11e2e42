// SPDX-License-Identifier: Apache-2.0

export { type Access, type AccessOptions, openAccess } from './access.ts'
export {
  type Action,
  actionNames,
  actions,
  grantableActions,
  isAction,
  type StandingRole,
  standingRoles,
} from './actions.ts'
export type { CustomRole } from './cedar.ts'
export { accessErrors } from './errors.ts'
export { type Authorised, createGate, type Denial, type Gate, gateErrors } from './gate.ts'
export type { Grant, Grants } from './grants.ts'
export { nameOf, type Principal } from './principal.ts'
export type { RoleRow, Roles } from './roles.ts'
export type { TokenRow, Tokens } from './tokens.ts'

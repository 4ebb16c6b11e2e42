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
export { type Authorised, actBy, createGate, type Denial, type Gate, gateErrors } from './gate.ts'
export type { Grant, Grants } from './grants.ts'
export type { GroupRoles } from './group-roles.ts'
export { createGuesses, type Guesses } from './guesses.ts'
export { nameOf, type Principal } from './principal.ts'
export { newRequestId } from './request-id.ts'
export type { RoleRow, Roles } from './roles.ts'
export { signInErrors } from './sign-in/errors.ts'
export type { Person } from './sign-in/people.ts'
export type { Sent, SessionView, Visit } from './sign-in/session-acts.ts'
export { type OidcPlan, readProvider } from './sign-in/settings.ts'
export { openSignIn, type ShownLink, type SignIn } from './sign-in/sign-in.ts'
export type { TokenRow } from './token-row.ts'
export type { Tokens } from './tokens.ts'

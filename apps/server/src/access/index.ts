// SPDX-License-Identifier: Apache-2.0

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
export { type Authorised, createGate, type Denial, type Gate, gateErrors } from './gate.ts'
export { nameOf, type Principal } from './principal.ts'

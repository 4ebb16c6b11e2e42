// SPDX-License-Identifier: Apache-2.0

export type { AllowanceWritten, GroupAllowance, WantedAllowance } from './allowances.ts'
export { fleetError, fleetErrors } from './errors.ts'
export { createGroups, type GroupRecord, type Groups } from './groups.ts'
export { createHostConfigs, type HostConfigState, type HostConfigs } from './host-configs.ts'
export { type PolicyReach, policyReaches } from './policy-reach.ts'
export { createRehearsals, type Rehearsals } from './rehearsals.ts'
export { createStandingOrders, type StandingOrderState, type StandingOrders } from './standing-orders.ts'

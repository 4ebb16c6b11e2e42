// SPDX-License-Identifier: Apache-2.0

export type { EnrolOptions, ServerTrouble } from './enrol.ts'
export { shipErrors } from './errors.ts'
export { type HostFacts, readHostFacts } from './host-facts.ts'
export type { Identity } from './identity.ts'
export { type IdentityKeeper, openIdentity } from './keep-identity.ts'
export { type ShipOptions, ship } from './ship.ts'
export type { ShippedChain } from './stream.ts'

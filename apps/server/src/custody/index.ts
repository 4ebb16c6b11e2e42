// SPDX-License-Identifier: Apache-2.0

export { addCustodyHealth } from './add-health.ts'
export { askGuard, type GuardedServer } from './ask-guard.ts'
export { type Erased, type Erasures, openErasures } from './erasures.ts'
export { custodyErrors } from './errors.ts'
export { createEvictKeys, type EvictKeys } from './evict-keys.ts'
export { heedIncidents } from './heed-incidents.ts'
export { type KeyOrder, type KeyOrders, openKeyOrders } from './key-orders.ts'
export { createRotateKeys, type RotateKeys } from './rotate-keys.ts'
export { createSideCustody, type LineWithValues, type SideCustody } from './side-values.ts'
export { createKeyTender, type KeyTender } from './tend-keys.ts'

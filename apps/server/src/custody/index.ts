// SPDX-License-Identifier: Apache-2.0

export { createSideCustody, type LineWithValues, type SideCustody } from './side-values.ts'
export { createKeyTender, type KeyTender } from './tend-keys.ts'

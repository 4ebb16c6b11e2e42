// SPDX-License-Identifier: Apache-2.0

export { entriesVersion, openEntries, removeEntries, spanLeaves } from './entries.ts'
export { type AcrossReason, across, acrossReasons } from './guard.ts'
export * from './outbox.ts'
export * from './store.ts'
export type { IndexTables, KeyAlgorithm, KeySource, KeyState, ProducerKind, Tables } from './tables.ts'
export * from './write-errors.ts'

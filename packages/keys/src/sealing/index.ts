// SPDX-License-Identifier: Apache-2.0

export { sealingError, sealingErrors } from './errors.ts'
export type { CacheLimits } from './key-cache.ts'
export type { EpochRow, ErasedCounts } from './key-store.ts'
export { type KmsMasterKey, kmsMasterKey } from './kms-master-key.ts'
export type { MasterKey } from './master-key.ts'
export { openSealedReader, type SealedReader } from './sealed-reader.ts'
export * from './sealing.ts'
export type { RewrapProgress } from './tenant-keys.ts'
export type { OpenedPersonal, PersonalValues, SealPlace, Values } from './values.ts'

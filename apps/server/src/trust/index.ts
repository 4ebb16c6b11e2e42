// SPDX-License-Identifier: Apache-2.0

export { trustError, trustErrors } from './errors.ts'
export { type Evidence, judgeKey, type KeyOwner, perReason, type Reason, reasons } from './judge-key.ts'
export * from './manifests/index.ts'
export type { ProducerRow, Producers, Whom } from './producers.ts'
export { type KeyRegistry, openKeyRegistry, type Producer, type TenantKeys } from './registry.ts'
export type { RotatingKey, Rotations } from './rotation/index.ts'
export type { KeyName, SigningKey } from './signing-key.ts'
export type { GivenWindow, Revocation, SigningKeys } from './signing-keys.ts'
export * from './signoffs/index.ts'
export { addTrustHealth, type TrustStoreWatch, watchTrustStore } from './store-file/watch.ts'
export { openTrust, type Trust } from './trust.ts'

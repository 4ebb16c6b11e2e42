// SPDX-License-Identifier: Apache-2.0

export { type Evidence, judgeKey, type KeyOwner, type Reason, reasons } from './judge-key.ts'
export * from './manifests/index.ts'
export { type KeyRegistry, openKeyRegistry, type Producer, type TenantKeys } from './registry.ts'
export type { KeyName, SigningKey } from './signing-key.ts'

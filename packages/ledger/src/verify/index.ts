// SPDX-License-Identifier: Apache-2.0
// Everything an outsider needs to verify; no node: imports, so that a browser runs the same code.

export * from './batch.ts'
export * from './bundle.ts'
export type { Header } from './bundle-header.ts'
export { bundleErrors } from './bundle-records.ts'
export * from './chain.ts'
export * from './checkpoint.ts'
export * from './cosignature.ts'
export * from './delegation.ts'
export * from './line.ts'
export * from './merkle.ts'
export * from './note.ts'
export * from './personal.ts'
export * from './policy.ts'
export * from './split-view.ts'
export * from './tenant-head.ts'

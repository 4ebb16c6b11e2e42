// SPDX-License-Identifier: Apache-2.0

export * from './insert-rows.ts'
export * from './outbox.ts'
export * from './store.ts'
export type { Tables } from './tables.ts'

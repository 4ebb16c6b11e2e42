// SPDX-License-Identifier: Apache-2.0

export * from './check-stores.ts'
export * from './commit.ts'
export * from './errors.ts'
export * from './index-entries.ts'
export * from './keep-sealed.ts'
export * from './ledgers.ts'
export * from './publish-outbox.ts'
export * from './quarantine.ts'
export * from './scrub-ledger.ts'
export * from './transport.ts'
export * from './verify.ts'
export * from './witnesses/index.ts'

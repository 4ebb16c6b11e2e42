// SPDX-License-Identifier: Apache-2.0

export * from './bundle.ts'
export * from './chain/chain.ts'
export * from './chain/seal.ts'
export { segmentErrors } from './chain/segment.ts'
export { ledgerErrors } from './log/errors.ts'
export { tileHeight, tileWidth } from './log/hash-store.ts'
export * from './log/ledger.ts'
export { lineStoreErrors } from './log/line-store.ts'
export * from './log/tiles.ts'
export * from './note-signer.ts'
export { sha256 } from './sha256.ts'
export * from './verify/index.ts'

// SPDX-License-Identifier: Apache-2.0
// What a host needs to keep its chains, and no more: what lies in the memory of each machine that is watched.

export { createNoteSigner } from '../note-signer.ts'
export { hostKeyName } from '../verify/head.ts'
export { type Heartbeat, heartbeatText } from '../verify/heartbeat.ts'
export { noHash } from '../verify/line.ts'
export type { ChainBatch } from './batches.ts'
export * from './chain.ts'
export type { Rotation } from './rotation.ts'
export type { Draft } from './seal.ts'

// SPDX-License-Identifier: Apache-2.0

import { type BlockReaders, openBlockReaders } from '@sealwatch/ledger'

/** Less is verified before threads would be ready. */
const threadsFromBytes = 16 * 1024 * 1024

/** Threads that read so many bytes of evidence ahead, where they are worth it. */
export const readersFor = (bytes: number): BlockReaders | undefined =>
  bytes > threadsFromBytes ? openBlockReaders() : undefined

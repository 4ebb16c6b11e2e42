// SPDX-License-Identifier: Apache-2.0
// The thread behind openBlockReaders: a block comes in, what it shows goes out, and neither is copied.

import { parentPort } from 'node:worker_threads'
import { sha256 } from './sha256.ts'
import { readBlock } from './verify/read-block.ts'

parentPort?.on('message', (block: Uint8Array) => {
  const read = readBlock(sha256, block)
  const kept = [read.block, read.events, read.hashes].map(({ buffer }) => buffer as ArrayBuffer)
  parentPort?.postMessage(read, kept)
})

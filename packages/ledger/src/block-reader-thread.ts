// SPDX-License-Identifier: Apache-2.0
// The thread behind openBlockReaders: a block comes in, what it shows goes out, and neither is copied.

import { parentPort } from 'node:worker_threads'
import { sha256 } from './sha256.ts'
import { readBlock } from './verify/read-block.ts'

parentPort?.on('message', (block: Uint8Array) => {
  const read = readBlock(sha256, block)
  const parts = [read.block, read.rows, read.hashes, read.follows, ...read.leaves.map(({ hashes }) => hashes)]
  const kept = parts.map(({ buffer }) => buffer as ArrayBuffer)
  parentPort?.postMessage(read, kept)
})

// SPDX-License-Identifier: Apache-2.0
// The thread behind openBlockReaders: a block comes in, what it shows goes out, and neither is copied.

import { parentPort } from 'node:worker_threads'
import { verifyEd25519 } from '@sealwatch/keys'
import { sha256 } from './sha256.ts'
import { createHeadReader, type NamedKey } from './verify/block-heads.ts'
import { readBlock } from './verify/read-block.ts'

const heads = createHeadReader(sha256, verifyEd25519)
parentPort?.on('message', (asked: Uint8Array | NamedKey) => {
  if (!(asked instanceof Uint8Array)) {
    heads.learn(asked)
    return
  }
  const read = readBlock(sha256, asked)
  const parts = [read.block, read.rows, read.hashes, read.follows, ...read.leaves.map(({ hashes }) => hashes)]
  const kept = parts.map(({ buffer }) => buffer as ArrayBuffer)
  const holding = heads.read(read)
  parentPort?.postMessage({ ...read, holding }, kept)
})

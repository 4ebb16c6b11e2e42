// SPDX-License-Identifier: Apache-2.0

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { NamedKey } from './verify/block-heads.ts'
import { type BlockRead, type BlockReader, blockBytes } from './verify/read-block.ts'

export type BlockReaders = BlockReader & AsyncDisposable

/** Threads that read a bundle's blocks ahead, one for each core, until they are disposed of. */
export function openBlockReaders(threads = availableParallelism()): BlockReaders {
  const readers = Array.from({ length: threads }, startReader)
  let next = 0
  return {
    bytes: blockBytes,
    atOnce: 2 * threads,
    read: (block) => {
      next = (next + 1) % threads
      return (readers[next] as ReturnType<typeof startReader>).read(block)
    },
    learn: (key) => {
      for (const reader of readers) reader.learn(key)
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(readers.map(({ stop }) => stop()))
    },
  }
}

function startReader() {
  const worker = new Worker(new URL('./block-reader-thread.ts', import.meta.url))
  // It answers in the order in which it was asked.
  const asked: PromiseWithResolvers<BlockRead>[] = []
  worker.on('message', (read: BlockRead) => asked.shift()?.resolve(read))
  worker.on('error', (cause) => {
    for (const { reject } of asked.splice(0)) reject(cause)
  })
  return {
    read: (block: Uint8Array): Promise<BlockRead> => {
      const answer = Promise.withResolvers<BlockRead>()
      asked.push(answer)
      worker.postMessage(block, [block.buffer as ArrayBuffer])
      return answer.promise
    },
    learn: (key: NamedKey): void => worker.postMessage(key),
    stop: () => worker.terminate(),
  }
}

// SPDX-License-Identifier: Apache-2.0
// A host on a core of its own: seals parsed events into its chain and hands on what it reads back, batch by batch, as the
// agent's shipping does, with no more on the way than the protocol allows.

import { parentPort } from 'node:worker_threads'
import { generateSigner } from '@sealwatch/keys'
import type { ChainBatch } from '@sealwatch/ledger'
import { eventsAtOnce, keyRecord, leanLaunches, openBenchChain } from './material.ts'
import { onTheWayMax } from './window.ts'

/** `order`: seal so many events into a new chain. `taken`: one more batch is acknowledged. */
export type ToHost = { readonly order: { readonly dir: string; readonly events: number } } | { readonly taken: true }
export type FromHost =
  | { readonly key: ReturnType<typeof keyRecord> }
  | { readonly batch: Pick<ChainBatch, 'chain' | 'count' | 'firstSeq' | 'lines'> }
  | { readonly done: true }

if (parentPort === null) throw new Error('bench/seal.ts starts this')
const port = parentPort
const say = (message: FromHost, gone: ArrayBuffer[] = []) => port.postMessage(message, gone)
const signer = generateSigner()
const drafts = leanLaunches(eventsAtOnce)
let onTheWay = 0
let wake: (() => void) | undefined
say({ key: keyRecord(signer) })

port.on('message', (message: ToHost) => {
  if ('order' in message) return void sealAll(message.order)
  onTheWay -= 1
  wake?.()
})

async function sealAll({ dir, events }: { dir: string; events: number }): Promise<void> {
  const chain = await openBenchChain(dir, signer)
  for (let sealed = 0; sealed < events; sealed += eventsAtOnce) {
    let { nextSeq } = chain.position
    await chain.seal(drafts)
    while (nextSeq < chain.position.nextSeq) {
      const batch = await chain.readBatch(nextSeq)
      if (batch === undefined) throw new Error('a sealed batch is not there')
      while (onTheWay >= onTheWayMax) await new Promise<void>((resolve) => (wake = resolve))
      onTheWay += 1
      nextSeq += batch.count
      const { chain: id, count, firstSeq, lines } = batch
      // What was read back is a copy, and needs no other.
      say({ batch: { chain: id, count, firstSeq, lines } }, [lines.buffer as ArrayBuffer])
    }
  }
  await chain.close()
  say({ done: true })
}

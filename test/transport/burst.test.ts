// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { limits, ShipRequestSchema, ShipResponseSchema } from '@sealwatch/contract'
import type { Chain, ChainBatch } from '@sealwatch/ledger'
import { unsettledBytesMax } from '../../apps/server/src/ingest/transport/batch-room.ts'
import { atEnd } from './at-end.ts'
import { chainOf, enrolled, prepareAgent, sealSome, startServer, startShipping } from './fixture.ts'
import { envelope, rawMember } from './raw-member.ts'

async function batchesOf(chain: Chain): Promise<ChainBatch[]> {
  const batches: ChainBatch[] = []
  for (let next = 0; next < chain.position.nextSeq; ) {
    const batch = (await chain.readBatch(next)) as ChainBatch
    batches.push(batch)
    next = batch.firstSeq + batch.count
  }
  return batches
}

const linesOf = (batches: readonly ChainBatch[]) =>
  batches.flatMap(({ lines }) => Buffer.from(lines).toString().split('\n').slice(0, -1))

/** The messages of a stream that lie in `bytes`, without the one that ends it. */
function messagesIn(bytes: Buffer): Uint8Array[] {
  const messages: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1)
    if (bytes[at] === 0) messages.push(bytes.subarray(at + 5, end))
    at = end
  }
  return messages
}

/** Events of `bytes` bytes in one batch. */
async function sealLarge(chain: Chain, events: number, bytes: number): Promise<void> {
  const one = (n: number) => ({ event: { message: `${n}`.padEnd(bytes) }, personalPointers: [], timeNs: BigInt(n) })
  await chain.seal(Array.from({ length: events }, (_, n) => one(n)))
}

for (const type of ['application/connect+proto', 'application/grpc'])
  test(`many batches in one burst, small ones beside large ones, are each taken as they were sent, as ${type}`, async (t) => {
    const server = await startServer(t)
    const agent = await prepareAgent(t, server)
    const chain = await chainOf(t, agent)
    await sealSome(chain, 60)
    await sealLarge(chain, 3, 30_000)
    await sealSome(chain, 60)
    await sealLarge(chain, 40, 10_000)
    await sealSome(chain, 1)
    const batches = await batchesOf(chain)
    const { call } = await rawMember(t, server, chain.id, agent)
    const messages = batches.map(({ chain: id, firstSeq, count, lines }) =>
      toBinary(ShipRequestSchema, create(ShipRequestSchema, { chain: id, firstSeq: BigInt(firstSeq), count, lines })),
    )
    const { bytes } = await call('Ship', type, Buffer.concat(messages.map((each) => envelope(each))))
    const answered = messagesIn(bytes).map((each) => {
      const { outcome } = fromBinary(ShipResponseSchema, each)
      return outcome.case === 'acknowledged' ? Number(outcome.value.nextSeq) : outcome
    })
    assert.deepEqual(
      answered,
      batches.map(({ firstSeq, count }) => firstSeq + count),
    )
    assert.deepEqual(server.ingest.chains.get(chain.id)?.lines, linesOf(batches))
  })

test('several hosts that send as much as they can find the room that there is, and all of it arrives', async (t) => {
  const server = await startServer(t)
  const held = Promise.withResolvers<void>()
  server.ingest.before = () => held.promise
  atEnd(t, held.resolve)
  const chains: Chain[] = []
  for (let host = 0; host < 4; host += 1) {
    const agent = await prepareAgent(t, server)
    const chain = await chainOf(t, agent)
    for (let batch = 0; batch < 4; batch += 1) await sealLarge(chain, 60, 64_000)
    startShipping(t, agent, await enrolled(server, agent), [chain])
    chains.push(chain)
  }
  await server.ingest.untilHeld(unsettledBytesMax.server)
  // Another host is served meanwhile: what others wait for is read no further, and stands in nobody's way.
  await rawMember(t, server)
  held.resolve()
  for (const chain of chains) {
    await server.ingest.until(chain.id, chain.position.nextSeq)
    assert.deepEqual(server.ingest.chains.get(chain.id)?.lines, linesOf(await batchesOf(chain)))
  }
  const { bytesAtOnceMax } = server.ingest.counts
  const most = unsettledBytesMax.server + chains.length * limits.batchBytesMax
  assert(bytesAtOnceMax <= most, `${bytesAtOnceMax} bytes where ${most} are allowed`)
})

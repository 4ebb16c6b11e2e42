// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Clock, createLog, errorsOf, systemClock } from '@sealwatch/base'
import {
  ChainPositionSchema,
  limits,
  type ShipRequest,
  type ShipResponse,
  ShipResponseSchema,
} from '@sealwatch/contract'
import fc from 'fast-check'
import type { AgentConnection } from './client.ts'
import { type ShippedChain, shipOverStream } from './stream.ts'

const chainId = 'c'.repeat(32)
const linesPerBatch = 3
const hashAt = (seq: number) => (seq === 0 ? '' : seq.toString(16).padStart(64, '0'))

const nextTurn = () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)))
const until = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Short waits are over at once; long ones only at their signal. */
const hastyClock: Clock = {
  ...systemClock,
  sleep: async (ms, signal = new AbortController().signal) => {
    if (ms < 1_000) await nextTurn()
    else await until(signal)
  },
}
const log = createLog(
  'test',
  () => undefined,
  () => 0,
)

function fakeChain(batches: number, id = chainId): ShippedChain & { readonly acknowledged: number[] } {
  const nextSeq = batches * linesPerBatch
  const acknowledged: number[] = []
  const lines = (seq: number) => Buffer.from(`${JSON.stringify({ prev: hashAt(seq) })}\n`.repeat(linesPerBatch))
  return {
    id,
    tenant: 'default',
    position: { nextSeq, tip: hashAt(nextSeq) },
    acknowledged,
    readBatch: async (seq) =>
      seq % linesPerBatch === 0 && seq < nextSeq
        ? { chain: id, firstSeq: seq, count: linesPerBatch, lines: lines(seq), side: [] }
        : undefined,
    waitFor: (_seq, signal) => until(signal),
    acknowledge: async (seq) => {
      acknowledged.push(seq)
    },
  }
}

type Answer = NonNullable<MessageInitShape<typeof ShipResponseSchema>['outcome']>
const positionAt = (seq: number, tip = hashAt(seq)) =>
  create(ChainPositionSchema, { chain: chainId, tenant: 'default', nextSeq: BigInt(seq), tip: Uint8Array.fromHex(tip) })
const acknowledgedAt = (seq: number): Answer => ({
  case: 'acknowledged',
  value: { nextSeq: BigInt(seq), leafIndex: 0n },
})
const refusedAt = (seq: number): Answer => ({
  case: 'refused',
  value: { code: 'X', message: '', expected: positionAt(seq) },
})

/** Answers each request by `answer`, up to `lag` requests late as long as more come at once. */
function fakeClient(answer: (request: ShipRequest) => Answer, lag = 0): AgentConnection['client'] {
  async function* ship(requests: AsyncIterable<ShipRequest>): AsyncGenerator<ShipResponse> {
    const iterator = requests[Symbol.asyncIterator]()
    const waiting: ShipRequest[] = []
    let coming: Promise<IteratorResult<ShipRequest>> | undefined = iterator.next()
    while (coming !== undefined || waiting.length > 0) {
      const next: IteratorResult<ShipRequest> | undefined =
        waiting.length === 0 ? await coming : await Promise.race([coming, nextTurn()])
      if (next?.done === true) coming = undefined
      else if (next !== undefined) {
        waiting.push(next.value)
        assert(waiting.length <= limits.batchesInFlightMax)
        coming = iterator.next()
      }
      const request = next === undefined || waiting.length > lag ? waiting.shift() : undefined
      if (request !== undefined) yield create(ShipResponseSchema, { chain: request.chain, outcome: answer(request) })
    }
  }
  return { ship } as unknown as AgentConnection['client']
}

type Run = {
  readonly client: AgentConnection['client']
  readonly chain: ShippedChain
  readonly more?: readonly ShippedChain[]
  readonly from?: number
  readonly tip?: string
}

function run({ client, chain, more = [], from = 0, tip = hashAt(from) }: Run) {
  const over = new AbortController()
  const rolledBack: string[] = []
  const done = shipOverStream({
    client,
    chains: [chain, ...more].map((each) => ({ chain: each, expected: positionAt(from, tip) })),
    clock: hastyClock,
    random: () => 0,
    log,
    signal: over.signal,
    onProgress: () => undefined,
    onRollback: async ({ id }) => {
      rolledBack.push(id)
    },
  })
  return { done, rolledBack, stop: () => over.abort() }
}

test('however a server answers, it gets each line once and in order, and nothing it has not is acknowledged', async () => {
  const act = fc.constantFrom('admit', 'admit', 'admit', 'quarantine', 'refuse', 'break')
  const script = fc.array(act, { maxLength: 30 })
  await fc.assert(
    fc.asyncProperty(script, fc.integer({ min: 1, max: 20 }), fc.nat(20), async (acts, batches, lag) => {
      const chain = fakeChain(batches)
      const end = chain.position.nextSeq
      let next = 0
      const answer = ({ firstSeq, count }: ShipRequest): Answer => {
        if (Number(firstSeq) + count <= next) return acknowledgedAt(next)
        const doing = acts.shift()
        if (doing === 'break') throw new Error('broken')
        if (Number(firstSeq) !== next || doing === 'refuse') return refusedAt(next)
        next += count
        if (next === end) setImmediate(() => current.stop())
        return doing === 'quarantine'
          ? { case: 'quarantined', value: { nextSeq: BigInt(next), reason: 'unknown_key', item: '', leafIndex: 0n } }
          : acknowledgedAt(next)
      }
      let current = run({ client: fakeClient(answer, lag), chain })
      for (;;) {
        await current.done.catch((error: Error) => assert.equal(error.message, 'broken'))
        assert(chain.acknowledged.every((seq) => seq <= next))
        assert.deepEqual(current.rolledBack, [])
        if (next === end) break
        current = run({ client: fakeClient(answer, lag), chain, from: next })
      }
    }),
    { numRuns: 60 },
  )
})

test('a server that is ahead, that stands elsewhere, or that holds another line ends the chain, not the agent', async () => {
  const cases = [
    { from: 12, tip: hashAt(12) },
    { from: 4, tip: hashAt(4) },
    { from: 3, tip: hashAt(99) },
    { from: 9, tip: hashAt(99) },
  ]
  for (const at of cases) {
    const chain = fakeChain(3)
    const { done, rolledBack } = run({ client: fakeClient(() => acknowledgedAt(9)), chain, ...at })
    await done
    assert.deepEqual(rolledBack, [chainId])
    assert.deepEqual(chain.acknowledged, [])
  }
})

test('AGT-8 what is damaged on disk before the server had it ends the chain, not the shipping of others for ever', async () => {
  const damaged = errorsOf({ CHAIN_DAMAGED: { kind: 'unverified', rule: 'it is whole', advice: '' } })
  const chain: ShippedChain = {
    ...fakeChain(3),
    readBatch: async () => {
      throw damaged('CHAIN_DAMAGED', { attempted: 'reading a batch' })
    },
  }
  const { done, rolledBack } = run({ client: fakeClient(() => acknowledgedAt(9)), chain })
  await done
  assert.deepEqual(rolledBack, [chainId])
})

test('a server that does not know the hash of its last line, as after a stub, is taken at its word', async () => {
  const chain = fakeChain(3)
  const answer = () => {
    shipping.stop()
    return acknowledgedAt(9)
  }
  const shipping = run({ client: fakeClient(answer), chain, from: 6, tip: '' })
  await shipping.done
  assert.deepEqual([shipping.rolledBack, chain.acknowledged], [[], [9]])
})

test('answers that cannot be are not believed', async () => {
  const answers: readonly Answer[] = [
    acknowledgedAt(1),
    acknowledgedAt(10),
    { case: undefined },
    { case: 'refused', value: { code: 'X' } },
  ]
  for (const answer of answers) {
    const chain = fakeChain(3)
    await assert.rejects(run({ client: fakeClient(() => answer), chain }).done, { code: 'SHIP_PROTOCOL' })
    assert.deepEqual(chain.acknowledged, [])
  }
})

test('chains take turns', async () => {
  const [busy, quiet] = [fakeChain(40), fakeChain(40, 'd'.repeat(32))]
  const order: string[] = []
  const answer = ({ chain, firstSeq, count }: ShipRequest): Answer => {
    if (order.push(chain) === 40) shipping.stop()
    return acknowledgedAt(Number(firstSeq) + count)
  }
  const shipping = run({ client: fakeClient(answer, 8), chain: busy, more: [quiet] })
  await shipping.done
  const turnsOfQuiet = order.slice(0, 40).filter((chain) => chain === quiet.id).length
  assert(turnsOfQuiet >= 15 && turnsOfQuiet <= 25, `${turnsOfQuiet} of 40`)
})

test('a stream that ends without a reason is an error', async () => {
  const client = { ship: async function* () {} } as unknown as AgentConnection['client']
  await assert.rejects(run({ client, chain: fakeChain(0) }).done, { code: 'SHIP_ENDED' })
})

test('AGT-6 small batches are as many on their way as may be, and large ones as many bytes', async () => {
  for (const [bytes, most] of [
    [1_000, limits.batchesInFlightMax],
    [limits.bytesInFlightMax / 4, 4],
    [limits.bytesInFlightMax / 4 + 1, 4],
    [limits.bytesInFlightMax / 4 - 1, 5],
  ] as const) {
    const full = fakeChain(limits.batchesInFlightMax + 10)
    const chain: ShippedChain = {
      ...full,
      readBatch: async (seq, signal) => {
        const batch = await full.readBatch(seq, signal)
        const values = new Uint8Array(bytes - (batch?.lines.length ?? 0))
        return batch && { ...batch, side: [{ seq, values }] }
      },
    }
    const sent: ShipRequest[] = []
    const client = {
      ship: async function* (requests: AsyncIterable<ShipRequest>) {
        const iterator = requests[Symbol.asyncIterator]()
        // What is not there after so many turns does not come.
        for (let next = iterator.next(), i = 0; i < 200; i += 1) {
          const request = await Promise.race([next, nextTurn()])
          if (request === undefined) continue
          sent.push(request.value)
          next = iterator.next()
        }
        shipping.stop()
        for (const request of sent)
          yield create(ShipResponseSchema, {
            chain: request.chain,
            outcome: acknowledgedAt(Number(request.firstSeq) + request.count),
          })
      },
    } as unknown as AgentConnection['client']
    const shipping = run({ client, chain })
    await shipping.done
    assert.equal(sent.length, most)
  }
})

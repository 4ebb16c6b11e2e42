// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SideValues } from '@sealwatch/contract'
import fc from 'fast-check'
import { answersTo } from './answers.ts'
import { createBatchRoom } from './batch-room.ts'

type Request = { readonly lane: string; readonly n: number }
const never = new AbortController().signal
const roomy = { wait: async () => undefined, take: () => () => undefined }
const laneOf = ({ lane }: Request) => lane

async function* from<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items
}

/** Requests that never end. */
async function* endless(): AsyncGenerator<Request> {
  for (let n = 0; ; n++) yield { lane: 'a', n }
}

async function collect<T>(answers: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const answer of answers) all.push(answer)
  return all
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

test('whatever takes how long, each lane is answered whole and in order', async () => {
  const request = fc.record({ lane: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(5) })
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 40 }), fc.integer({ min: 1, max: 8 }), async (all, inFlightMax) => {
      const requests = all.map(({ lane, turns: takes }, n) => ({ lane, n, takes }))
      let atOnce = 0
      const submitted: number[] = []
      const submit = async ({ n, takes }: (typeof requests)[number]) => {
        submitted.push(n)
        assert(++atOnce <= inFlightMax)
        await turns(takes)
        atOnce--
        return n
      }
      const answers = await collect(
        answersTo({ requests: from(requests), laneOf, submit, inFlightMax, room: roomy, ending: never }),
      )
      assert.deepEqual(submitted, [...requests.keys()])
      for (const lane of ['a', 'b', 'c'])
        assert.deepEqual(
          answers.filter((n) => requests[n]?.lane === lane),
          requests.filter((one) => one.lane === lane).map(({ n }) => n),
        )
    }),
    { numRuns: 50 },
  )
})

test('a peer that does not take its answers is not read from', async () => {
  let read = 0
  const submit = async ({ n }: Request) => {
    read = n + 1
    return n
  }
  const answers = answersTo({ requests: endless(), laneOf, submit, inFlightMax: 8, room: roomy, ending: never })
  assert.equal((await answers.next()).value, 0)
  await turns(20)
  assert.equal(read, 8)
  await answers.next()
  await turns(20)
  assert.equal(read, 9)
  await answers.return(undefined)
})

test('streams that share a room are read while there is some: each passes the bound by one request at most', async () => {
  const room = createBatchRoom({ host: 20, server: 30 })
  const held = Promise.withResolvers<void>()
  let submitted = 0
  const submit = async (n: number) => {
    submitted += 1
    await held.promise
    return n
  }
  const streams = ['one', 'one', 'two', 'three'].map((host) => {
    const { wait, take } = room.of(host)
    const requests = from([0, 1, 2])
    const ofTen = () => take({ lines: new Uint8Array(8), side: [{ values: new Uint8Array(2) } as SideValues] })
    const common = { laneOf: () => host, submit, inFlightMax: 8, ending: never }
    return collect(answersTo({ ...common, requests, room: { wait, take: ofTen } }))
  })
  await turns(20)
  assert(submitted >= 3 && submitted < 3 + streams.length, `${submitted} requests of ten bytes`)
  held.resolve()
  for (const stream of streams) assert.deepEqual(await stream, [0, 1, 2])
})

test('one host leaves room for another', async () => {
  const room = createBatchRoom({ host: 20, server: 30 })
  const lines = new Uint8Array(10)
  const never = new AbortController()
  const leave = [room.of('one').take({ lines, side: [] }), room.of('one').take({ lines, side: [] })]
  let isIn = false
  const waiting = room
    .of('one')
    .wait(never.signal)
    .then(() => {
      isIn = true
    })
  await room.of('two').wait(never.signal)
  await turns(2)
  assert.equal(isIn, false)
  leave[0]?.()
  await waiting
})

test('when it is to end, what was read is answered and the reason is thrown', async () => {
  const ending = new AbortController()
  const held = Promise.withResolvers<void>()
  const submit = async ({ n }: Request) => {
    await held.promise
    return n
  }
  const answers = collected(
    answersTo({ requests: endless(), laneOf, submit, inFlightMax: 3, room: roomy, ending: ending.signal }),
  )
  await turns(5)
  ending.abort(new Error('enough'))
  await turns(5)
  held.resolve()
  assert.deepEqual(await answers, { answers: [0, 1, 2], error: 'enough' })
})

test('it ends at once while no request comes', async () => {
  const ending = new AbortController()
  async function* silent(): AsyncGenerator<Request> {
    await new Promise(() => undefined)
    yield* []
  }
  const submit = async () => 0
  const answers = collected(
    answersTo({ requests: silent(), laneOf, submit, inFlightMax: 3, room: roomy, ending: ending.signal }),
  )
  await turns(2)
  ending.abort(new Error('enough'))
  assert.deepEqual(await answers, { answers: [], error: 'enough' })
})

test('when an outcome is unknown nothing is answered after it, and its error is thrown', async () => {
  const submit = async ({ n }: Request) => {
    await turns(n)
    if (n === 2) throw new Error('disk')
    return n
  }
  const answers = await collected(
    answersTo({ requests: endless(), laneOf, submit, inFlightMax: 8, room: roomy, ending: never }),
  )
  assert.deepEqual(answers, { answers: [0, 1], error: 'disk' })
})

test('an error of the requests is thrown', async () => {
  async function* broken(): AsyncGenerator<Request> {
    yield { lane: 'a', n: 0 }
    throw new Error('cut')
  }
  const submit = async ({ n }: Request) => n
  const { error } = await collected(
    answersTo({ requests: broken(), laneOf, submit, inFlightMax: 8, room: roomy, ending: never }),
  )
  assert.equal(error, 'cut')
})

async function collected(stream: AsyncIterable<number>): Promise<{ answers: number[]; error?: string }> {
  const answers: number[] = []
  try {
    for await (const answer of stream) answers.push(answer)
    return { answers }
  } catch (error) {
    return { answers, error: (error as Error).message }
  }
}

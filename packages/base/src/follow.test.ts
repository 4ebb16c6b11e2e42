// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBell, type Feed, follow } from './follow.ts'

/** A log in memory; `readersWaiting` resolves when the follower has nothing left to read. */
function createTestFeed(items: number[]) {
  const bell = createBell()
  const idle = createBell()
  const feed: Feed<number> = {
    read: async (from, max) => items.slice(from, from + max),
    waitFor: async (from, signal) => {
      idle.ring()
      while (!signal.aborted && items.length <= from) await bell.wait(signal)
    },
  }
  const push = (...more: number[]) => {
    items.push(...more)
    bell.ring()
  }
  return { feed, push, idle: () => idle.wait(new AbortController().signal) }
}

test('a follower takes everything in order, in bounded batches, and goes on when more comes', async () => {
  const { feed, push, idle } = createTestFeed([0, 1, 2, 3, 4])
  const controller = new AbortController()
  const seen: { batch: readonly number[]; next: number }[] = []
  const following = follow({
    name: 'test',
    feed,
    cursor: 1,
    batchMax: 3,
    signal: controller.signal,
    handle: async (batch, next) => {
      seen.push({ batch, next })
    },
  })
  await idle()
  push(5, 6)
  await idle()
  controller.abort()
  assert.equal(await following, 7)
  assert.deepEqual(seen, [
    { batch: [1, 2, 3], next: 4 },
    { batch: [4], next: 5 },
    { batch: [5, 6], next: 7 },
  ])
})

test('a handler that throws ends its follower, and a new one takes the same batch again', async () => {
  const { feed } = createTestFeed([0, 1])
  const controller = new AbortController()
  const run = (handle: (batch: readonly number[]) => Promise<void>) =>
    follow({ name: 'test', feed, cursor: 0, batchMax: 8, signal: controller.signal, handle })
  await assert.rejects(
    run(async () => {
      throw new Error('no')
    }),
    /no/,
  )
  let again: readonly number[] = []
  await run(async (batch) => {
    again = batch
    controller.abort()
  })
  assert.deepEqual(again, [0, 1])
})

test('a bell wakes all that wait, once, and a signal wakes its own waiter', async () => {
  const bell = createBell()
  const controller = new AbortController()
  const live = new AbortController().signal
  const woken: string[] = []
  const waits = [
    bell.wait(live).then(() => woken.push('a')),
    bell.wait(live).then(() => woken.push('b')),
    bell.wait(controller.signal).then(() => woken.push('aborted')),
  ]
  controller.abort()
  await waits[2]
  assert.deepEqual(woken, ['aborted'])
  bell.ring()
  await Promise.all(waits)
  assert.deepEqual(woken, ['aborted', 'a', 'b'])
  await bell.wait(AbortSignal.abort())
})

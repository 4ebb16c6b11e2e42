// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { createKeyCache } from './key-cache.ts'
import { openLockedMemory } from './locked-memory.ts'

const keyOf = (n: number) => new Uint8Array(32).fill(n)

function cacheOf(keysMax: number) {
  const now = { ns: 0n }
  const clock: Clock = { ...systemClock, monotonicNs: () => now.ns }
  return { cache: createKeyCache(openLockedMemory(keysMax), { ttlMs: 1, keysMax }, clock), now }
}

test('a key leaves after its time, however often it is used, and is wiped', () => {
  const { cache, now } = cacheOf(4)
  const slot = cache.put('a', keyOf(1))
  const { bytes } = slot
  now.ns = 999_999n
  assert.equal(cache.get('a'), slot)
  now.ns = 1_000_000n
  assert.equal(cache.get('a'), undefined)
  assert.deepEqual(bytes, keyOf(0))
  assert.throws(() => slot.bytes, RangeError, 'a wiped key is never used as zeros')
  cache.put('b', keyOf(2))
  now.ns = 2_000_000n
  assert.equal(cache.size, 1)
  cache.sweep()
  assert.equal(cache.size, 0)
})

test('when it is full the key used longest ago makes room, and is wiped', () => {
  const { cache } = cacheOf(2)
  const [a, b] = [cache.put('a', keyOf(1)), cache.put('b', keyOf(2))]
  cache.get('a')
  const c = cache.put('c', keyOf(3))
  assert.deepEqual([a.wiped, b.wiped, c.wiped, cache.size], [false, true, false, 2])
  const again = cache.put('c', keyOf(4))
  assert.deepEqual([c.wiped, again.bytes[0], cache.size], [true, 4, 2])
})

test('whoever wants a key waits for the one fetch; the source is zeroed', async () => {
  const { cache } = cacheOf(2)
  let fetches = 0
  const key = keyOf(5)
  const fetch = async () => {
    fetches += 1
    return key
  }
  const use = () => cache.use('a', fetch, ({ bytes }) => bytes[0])
  assert.deepEqual(await Promise.all([use(), use(), use()]), [5, 5, 5])
  assert.equal(fetches, 1)
  assert.deepEqual(key, keyOf(0))
})

test('a fetch that fails is told to all who wait, and tried again by the next', async () => {
  const { cache } = cacheOf(2)
  const failing = () =>
    cache.use(
      'a',
      () => Promise.reject(new Error('down')),
      () => 0,
    )
  const results = await Promise.allSettled([failing(), failing()])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal(
    await cache.use(
      'a',
      async () => keyOf(6),
      ({ bytes }) => bytes[0],
    ),
    6,
  )
})

test('what is evicted while it is fetched does not come back', async () => {
  const { cache } = cacheOf(2)
  const first = Promise.withResolvers<Uint8Array>()
  const fetches = [() => first.promise, () => Promise.reject(new Error('erased'))]
  const used = cache.use(
    't/1',
    () => (fetches.shift() as () => Promise<Uint8Array>)(),
    () => 'used',
  )
  cache.evict('t/')
  first.resolve(keyOf(7))
  await assert.rejects(used, /erased/)
  assert.equal(cache.size, 0)
})

test('evicting goes by the beginning of the name', () => {
  const { cache } = cacheOf(4)
  for (const name of ['a/1', 'a/2', 'ab/1']) cache.put(name, keyOf(1))
  cache.evict('a/')
  assert.ok(cache.get('ab/1'))
  assert.equal(cache.size, 1)
  cache.evict('')
  assert.equal(cache.size, 0)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from './clock.ts'
import { clientOf, createRate } from './rate.ts'

function stoppedClock(): Clock & { pass(ms: number): void } {
  let ns = 0n
  return { ...systemClock, monotonicNs: () => ns, pass: (ms) => (ns += BigInt(ms) * 1_000_000n) }
}

test('a burst may be had at once, and then as much as the bucket fills; others are not in the way', () => {
  const clock = stoppedClock()
  const rate = createRate(clock, { perSecond: 2, burst: 4, keysMax: 10 })
  const had = (key: string, tries: number) =>
    Array.from({ length: tries }, () => rate.take(key)).filter((waitMs) => waitMs === 0).length
  assert.equal(had('a', 10), 4)
  assert.equal(had('b', 10), 4)
  assert.equal(rate.take('a'), 500)
  assert.equal(rate.wait('a'), 500)
  assert.equal(rate.wait('c'), 0)
  clock.pass(499)
  assert.equal(rate.take('a'), 1)
  clock.pass(1)
  assert.equal(had('a', 10), 1)
  clock.pass(60_000)
  assert.equal(had('a', 10), 4)
})

test('several turns are had together, or none of them', () => {
  const clock = stoppedClock()
  const rate = createRate(clock, { perSecond: 2, burst: 4, keysMax: 10 })
  assert.equal(rate.take('a', 3), 0)
  assert.equal(rate.take('a', 3), 1000)
  assert.equal(rate.take('a'), 0, 'what was refused took nothing')
  clock.pass(2_000)
  assert.equal(rate.take('a', 4), 0)
  assert.equal(rate.take('a'), 500)
  clock.pass(60_000)
  assert.equal(rate.take('a', 4), 0)
})

test('who goes on asking is remembered, however many come anew', () => {
  const clock = stoppedClock()
  const rate = createRate(clock, { perSecond: 1, burst: 2, keysMax: 100 })
  for (let i = 0; i < 100; i += 1) {
    rate.take('a')
    rate.take(`other ${i}`)
    clock.pass(100)
  }
  rate.take('a')
  assert.notEqual(rate.take('a'), 0)
})

test('what is remembered of keys has an end', () => {
  const rate = createRate(stoppedClock(), { perSecond: 1, burst: 2, keysMax: 100 })
  rate.take('a')
  rate.take('a')
  assert.notEqual(rate.take('a'), 0)
  for (let i = 0; i < 100; i += 1) rate.take(`other ${i}`)
  assert.equal(rate.take('a'), 0)
})

test('an address stands for itself, in IPv6 for its /64', () => {
  const due: [string | undefined, string][] = [
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, ''],
  ]
  for (const [address, client] of due) assert.equal(clientOf(address), client)
})

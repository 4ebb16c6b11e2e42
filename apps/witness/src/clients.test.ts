// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { clientsMax, createClients } from './clients.ts'

function stoppedClock(): Clock & { pass(ms: number): void } {
  let ns = 0n
  return { ...systemClock, monotonicNs: () => ns, pass: (ms) => (ns += BigInt(ms) * 1_000_000n) }
}

test('a client sends a burst, and then as fast as its bucket fills; others are not in its way', () => {
  const clock = stoppedClock()
  const clients = createClients(clock, { perSecond: 2, connections: 1 })
  const admitted = (client: string, tries: number) =>
    Array.from({ length: tries }, () => clients.admits(client)).filter(Boolean).length
  assert.equal(admitted('a', 10), 4)
  assert.equal(admitted('b', 10), 4)
  clock.pass(500)
  assert.equal(admitted('a', 10), 1)
  clock.pass(60_000)
  assert.equal(admitted('a', 10), 4)
})

test('what is remembered of clients has an end', () => {
  const clients = createClients(stoppedClock(), { perSecond: 1, connections: 1 })
  clients.admits('a')
  clients.admits('a')
  assert.equal(clients.admits('a'), false)
  for (let i = 0; i < clientsMax; i += 1) clients.admits(`other ${i}`)
  assert.equal(clients.admits('a'), true)
})

test('connections are counted for each client', () => {
  const clients = createClients(stoppedClock(), { perSecond: 1, connections: 2 })
  assert.deepEqual(
    [clients.enter('a'), clients.enter('a'), clients.enter('a'), clients.enter('b')],
    [true, true, false, true],
  )
  clients.leave('a')
  assert.equal(clients.enter('a'), true)
})

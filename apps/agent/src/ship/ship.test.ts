// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Code, ConnectError } from '@connectrpc/connect'
import { type Clock, createLog, systemClock } from '@sealwatch/base'
import type { AgentConnection } from './client.ts'
import type { Identity } from './identity.ts'
import { ship } from './ship.ts'

const facts = { hostname: 'h', machineId: 'm', bootId: 'b', kernel: 'k', os: 'o' }

/** Registers until it succeeds, against a server that first gives these answers; for how long it waited, and how often it connected. */
async function registerAfter(answers: readonly ConnectError[]) {
  const over = new AbortController()
  const left = [...answers]
  const waitedMs: number[] = []
  let connections = 0
  const clock: Clock = {
    ...systemClock,
    sleep: (ms, signal) => {
      waitedMs.push(ms)
      return systemClock.sleep(Math.min(ms, 1), signal)
    },
  }
  const client = {
    register: async () => {
      const answer = left.shift()
      if (answer !== undefined) throw answer
      over.abort()
      return { chains: [], capabilities: [] }
    },
    // As a server that ends when the agent does.
    async *ship(requests: AsyncIterable<unknown>) {
      for await (const _ of requests) yield undefined
    },
  } as unknown as AgentConnection['client']
  await ship({
    url: 'https://127.0.0.1:1',
    identity: { current: {} as Identity, run: async () => undefined, problem: undefined },
    agentVersion: '1',
    facts,
    chains: () => [],
    onRegistered: () => undefined,
    onRollback: async () => undefined,
    clock,
    random: () => 0.25,
    log: createLog('test', () => undefined, systemClock.nowMs),
    signal: over.signal,
    connect: () => {
      connections += 1
      return { client, close: () => undefined }
    },
  })
  assert.deepEqual(left, [])
  return { waitedMs, connections }
}

const later = (seconds: string, code = Code.Unavailable) =>
  new ConnectError('many register', code, { 'retry-after': seconds })

test('AGT-8 who is told when to come again registers then on the same connection, at random about the time it was told', async () => {
  const { waitedMs, connections } = await registerAfter([later('8'), later('4', Code.ResourceExhausted)])
  assert.equal(connections, 1)
  assert.deepEqual(waitedMs.slice(0, 2), [6_000, 3_000])
})

test('AGT-8 no server keeps a host waiting for more than a minute, and what is no time is none', async () => {
  const { waitedMs, connections } = await registerAfter([later('86400'), later('soon'), later('-1')])
  assert.equal(connections, 3)
  assert.equal(waitedMs[0], 45_000)
  assert.ok((waitedMs[1] as number) < 1_000, `${waitedMs[1]} ms`)
})

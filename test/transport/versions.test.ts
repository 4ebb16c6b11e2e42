// SPDX-License-Identifier: Apache-2.0
// AGT-7: agents and servers one protocol version apart, in each direction, over the real wire.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { type Clock, systemClock } from '@sealwatch/base'
import { protocol, RegisterRequestSchema, RegisterResponseSchema } from '@sealwatch/contract'
import type { ConfigurationKeeper } from '../../apps/agent/src/configuration/keep-configuration.ts'
import { type AgentConnection, connectAgent } from '../../apps/agent/src/ship/client.ts'
import { ship } from '../../apps/agent/src/ship/index.ts'
import { atEnd } from './at-end.ts'
import { chainOf, enrolled, prepareAgent, sealSome, startServer } from './fixture.ts'

type Client = AgentConnection['client']
/** A field that this version of the messages does not have: number 99, of three bytes. */
const later = [{ no: 99, wireType: 2, data: Uint8Array.of(3, 1, 2, 3) }]

/** Who asks again after a heartbeat's time asks at once. */
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === protocol.heartbeatEveryMs ? 1 : ms, signal),
}

/** Ships as ours does, but for what `change` makes of the client; resolves once all is acknowledged. */
async function shipped(t: Parameters<typeof startServer>[0], change: (client: Client) => Partial<Client>) {
  const server = await startServer(t)
  const agent = await prepareAgent(t, { ...server, clock: hasty })
  const identity = await enrolled(server, agent)
  const chain = await chainOf(t, agent)
  const end = await sealSome(chain, 2)
  const over = new AbortController()
  const configuration: ConfigurationKeeper = {
    current: undefined,
    envelope: null,
    report: { version: 0, digest: '', onTrial: false, refusedVersion: 0, refusedWhy: '' },
    changed: () => new Promise((resolve) => over.signal.addEventListener('abort', () => resolve())),
    take: async () => assert.fail('nothing is told here'),
    confirm: async () => assert.fail('nothing is told here'),
    run: async () => undefined,
  }
  const connect = (used: Parameters<typeof connectAgent>[2]) => {
    const connection = connectAgent(server.url, server.identity.authority.certificate.toString(), used)
    const { client } = connection
    return { ...connection, client: { ...client, ...change(client) } }
  }
  const done = ship({
    ...agent.options,
    connect,
    identity,
    agentVersion: '0.1.0',
    chains: () => [chain],
    heartbeat: () => 'alive',
    configuration,
    standings: { now: () => [], changed: configuration.changed },
    hands: { now: () => undefined, changed: configuration.changed, take: () => assert.fail('nothing is told here') },
    onRegistered: () => undefined,
    onRollback: async () => assert.fail('no history is another'),
    signal: over.signal,
  })
  atEnd(t, () => {
    over.abort()
    return done
  })
  return { server, agent, chain, end, done: () => server.ingest.until(chain.id, end) }
}

const unimplemented = () => {
  throw new ConnectError('unknown method', Code.Unimplemented)
}

test('an agent of the next version, with a capability and a field that nobody knows here, is registered and ships', async (t) => {
  let answered: readonly string[] | undefined
  const { done } = await shipped(t, (client) => ({
    register: async (request, options) => {
      const capabilities = [...(request.capabilities ?? []), 'teleport']
      const next = create(RegisterRequestSchema, { ...request, agentProtoVersion: protocol.version + 1, capabilities })
      next.$unknown = later
      const answer = await client.register(next, options)
      answered = answer.capabilities
      return answer
    },
  }))
  await done()
  assert.deepEqual(answered, protocol.capabilities)
})

test('an agent of the oldest version that is supported, without any capability, is registered and ships', async (t) => {
  let answered: readonly string[] | undefined
  let asked = 0
  const { done } = await shipped(t, (client) => ({
    register: async (request, options) => {
      const old = { ...request, agentProtoVersion: protocol.minSupportedAgentVersion, capabilities: [] }
      const answer = await client.register(old, options)
      answered = answer.capabilities
      return answer
    },
    // Of the heartbeat a host says itself whether it sends one.
    configure: () => {
      asked += 1
      return unimplemented()
    },
  }))
  await done()
  assert.deepEqual([answered, asked], [[], 0])
})

test('a server of the next version, with a capability and a field that nobody knows here, is shipped to', async (t) => {
  const { done } = await shipped(t, (client) => ({
    register: async (request, options) => {
      const { $typeName: _, ...answer } = await client.register(request, options)
      const capabilities = [...answer.capabilities, 'teleport']
      const next = create(RegisterResponseSchema, { ...answer, serverProtoVersion: protocol.version + 1, capabilities })
      next.$unknown = later
      return next
    },
  }))
  await done()
})

for (const [name, capabilities] of [
  ['that says so', []],
  ['that does not say so', ['heartbeat', 'config']],
] as const)
  test(`a server of the version before, without heartbeats and configurations, ${name}, is shipped to`, async (t) => {
    let asked = 0
    const missing = () => {
      asked += 1
      return unimplemented()
    }
    const { chain, server, done } = await shipped(t, (client) => ({
      register: async (request, options) => ({
        ...(await client.register(request, options)),
        capabilities: [...capabilities],
      }),
      live: missing,
      configure: missing,
    }))
    await done()
    // Time for asking again.
    for (let more = 0; more < 8; more += 1) await server.ingest.until(chain.id, await sealSome(chain, 1))
    assert.ok(asked <= 2, `${asked} calls of methods that are not there`)
  })

test('a server that supports this agent no more says so, and how to go on; what is sealed waits', async (t) => {
  const { agent, chain, server } = await shipped(t, (client) => ({
    register: (request, options) =>
      client.register({ ...request, agentProtoVersion: protocol.minSupportedAgentVersion - 1 }, options),
  }))
  const { level, error } = (await agent.log.until((line) => JSON.stringify(line).includes('AGENT_TOO_OLD'))) as {
    level: string
    error?: unknown
  }
  assert.equal(level, 'critical')
  assert.match(JSON.stringify(error), /failed_precondition.*min_supported_agent_proto_version is 1.*Upgrade/s)
  assert.equal(server.ingest.chains.get(chain.id)?.nextSeq ?? 0, 0)
})

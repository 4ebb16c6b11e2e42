// SPDX-License-Identifier: Apache-2.0
// AGT-8: a host that lives says so over the real wire; what is not its own word is no sign of life.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectError } from '@connectrpc/connect'
import { createLog, systemClock } from '@sealwatch/base'
import { protocol } from '@sealwatch/contract'
import { generateSigner } from '@sealwatch/keys'
import { createNoteSigner, type Heartbeat, heartbeatText, hostKeyName } from '@sealwatch/ledger'
import { connectAgent } from '../../apps/agent/src/ship/client.ts'
import { openHostWatch } from '../../apps/server/src/presence/index.ts'
import { createOutbox, openStore } from '../../apps/server/src/store/index.ts'
import type { openKeyRegistry } from '../../apps/server/src/trust/index.ts'
import { atEnd } from './at-end.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import {
  chainOf,
  enrolled,
  facts,
  prepareAgent,
  sealSome,
  startServer,
  startShipping,
  temporaryDirectory,
} from './fixture.ts'

const device = {
  uid: 's',
  hostname: 's',
  type_id: 0,
  type: 'Unknown',
  os: { name: 'Linux', type_id: 200, type: 'Linux' },
}

test('heartbeats come while the stream lives, as the host signed them, and of nobody else', async (t) => {
  const beats: string[] = []
  const came = Promise.withResolvers<void>()
  const presence = {
    registered: () => undefined,
    heartbeat: (_: unknown, __: unknown, note: string) => {
      beats.push(note)
      came.resolve()
    },
    shipped: () => undefined,
    admitted: () => undefined,
  }
  const server = await startServer(t, { presence })
  const agent = await prepareAgent(t, server)
  const identity = await enrolled(server, agent)
  const chain = await chainOf(t, agent)
  await sealSome(chain, 1)
  const wire = await cuttingProxy(t, server.port)
  const shipping = startShipping(
    t,
    { ...agent, options: { ...agent.options, url: wire.url } },
    identity,
    [chain],
    async () => undefined,
    () => 'alive',
  )
  await came.promise
  assert.deepEqual(beats, ['alive'])
  const stopped = shipping.stop()
  wire.cut()
  await stopped
  await server.stop()
  // That a wire is cut is no failure of the server, and a thousand are when a network is.
  const told = server.log.lines.filter(({ level, msg }) => level === 'error' && msg === 'a call was refused')
  assert.deepEqual(told, [])
})

test('a heartbeat by another key, or of a chain that is not registered, ends the stream, and counts for nothing', async (t) => {
  const dir = await temporaryDirectory(t)
  const store = openStore(dir)
  atEnd(t, () => store.close())
  const log = createLog('test', () => undefined, systemClock.nowMs)
  const outbox = createOutbox(store)
  const signer = generateSigner()
  const keys = {
    of: () => ({
      receivedAt: () => '2026-11-22T00:00:00.000000000Z',
      key: (keyId: string) =>
        keyId === agentKey().keyId
          ? {
              keyId,
              kind: 'host',
              producer: hostId(),
              state: 'active',
              algorithm: 'ed25519',
              publicKey: agentKey().publicKey.toHex(),
              validFrom: '2026-01-01T00:00:00.000000000Z',
              validUntil: null,
              revokedAt: null,
              compromisedSince: null,
            }
          : undefined,
    }),
  } as unknown as Awaited<ReturnType<typeof openKeyRegistry>>
  const clock = systemClock
  const voice = { device, version: '0.1.0' }
  const presence = await openHostWatch({ store, outbox, voice, keys, ledgerSeq: () => 9, clock, log })
  const server = await startServer(t, { presence })
  const agent = await prepareAgent(t, server)
  const agentKey = () => agent.options.signer
  const { current } = await enrolled(server, agent)
  const hostId = () => current.hostId
  const connection = connectAgent(server.url, server.identity.authority.certificate.toString(), current)
  atEnd(t, connection.close)
  const { client } = connection
  const [own, other] = ['a'.repeat(32), 'b'.repeat(32)]
  const chains = [{ chain: own, tenant: 'cluster', nextSeq: 0n }]
  const common = { agentProtoVersion: protocol.version, agentVersion: '0.1.0', capabilities: ['heartbeat'], facts }
  const beat = (chain: string, by = agentKey()): string => {
    const said: Heartbeat = {
      chain,
      nextSeq: 9,
      tip: '0'.repeat(64),
      timeNs: clock.nowNs(),
      bootId: 'b',
      bootNs: clock.monotonicNs(),
      sites: { attached: 3, of: 3 },
      waiting: 0,
    }
    return createNoteSigner(hostKeyName(by.keyId), by).sign(heartbeatText(said))
  }
  const sends = (heartbeat: string) =>
    client.live(
      (async function* () {
        yield { heartbeat }
      })(),
    )
  const saysCode = (code: string) => (error: unknown) =>
    error instanceof ConnectError && error.metadata.get('sealwatch-error') === code
  await assert.rejects(sends(beat(own)), saysCode('NOT_REGISTERED'))
  await client.register({ ...common, chains })
  assert.equal(presence.of(current.hostId)?.life, 'alive')

  for (const [heartbeat, code] of [
    [beat(own, signer), 'HEARTBEAT_FOREIGN'],
    [beat(own).replace('\n9\n', '\n8\n'), 'NOTE_UNVERIFIED'],
    ['nonsense', 'NOTE_MALFORMED'],
    [beat(other), 'HEARTBEAT_FOREIGN'],
  ] as const) {
    await assert.rejects(sends(heartbeat), saysCode(code), heartbeat)
    // Less than a second later nothing is looked at.
    await sends('nonsense')
    // Which may end an eighth of a second early.
    await clock.sleep(1_200)
  }
  await sends(beat(own))
  assert.deepEqual(presence.of(current.hostId)?.incidents, [])
  // A server that stops ends it, and does not wait.
  const open = client.live(
    (async function* () {
      yield { heartbeat: beat(own) }
      await new Promise(() => undefined)
    })(),
  )
  const ended = assert.rejects(open)
  await new Promise(setImmediate)
  const beganMs = clock.nowMs()
  await server.stop()
  await ended
  assert(clock.nowMs() - beganMs < 4_000)
})

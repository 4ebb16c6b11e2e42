// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { SealwatchError, systemClock } from '@sealwatch/base'
import { limits } from '@sealwatch/contract'
import type { Chain } from '@sealwatch/ledger'
import fc from 'fast-check'
import { readIdentity } from '../../apps/agent/src/ship/identity.ts'
import { across } from '../../apps/server/src/store/index.ts'
import { cuttingProxy } from './cutting-proxy.ts'
import {
  type Agent,
  chainOf,
  enrolled,
  prepareAgent,
  type Server,
  sealSome,
  startServer,
  startShipping,
} from './fixture.ts'
import { recordingIngest } from './recording-ingest.ts'
import { shiftingClock } from './shifting-clock.ts'

const hourMs = 3_600_000

async function linesOf(chain: Chain): Promise<string[]> {
  const lines: string[] = []
  for (
    let batch = await chain.readBatch(0);
    batch !== undefined;
    batch = await chain.readBatch(batch.firstSeq + batch.count)
  )
    lines.push(...Buffer.from(batch.lines).toString().split('\n').slice(0, -1))
  return lines
}

/** The ledger holds the chain, whole and once. */
async function assertArrived({ ingest }: Server, chain: Chain): Promise<void> {
  await ingest.until(chain.id, chain.position.nextSeq)
  assert.deepEqual(ingest.chains.get(chain.id)?.lines, await linesOf(chain))
}

async function ready(t: TestContext, server: Server, options: Partial<Parameters<typeof prepareAgent>[1]> = {}) {
  const agent = await prepareAgent(t, { url: server.url, ...options })
  return { agent, identity: await enrolled(server, agent), chain: await chainOf(t, agent) }
}

const registrations = ({ log }: Server) => log.lines.filter(({ msg }) => msg === 'agent registered').length
const warnings = ({ log }: Agent) => log.lines.filter(({ level }) => !['info', 'debug'].includes(level))

/** Makes the ingest keep its answers back until `open` is called. */
function gate(server: Server) {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.ingest.before = () => promise
  return { open: resolve }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(1)
}

test('enrol, register, ship, acknowledge: what was sealed arrives as it was sealed', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  const before = await sealSome(chain, 5)
  const shipping = startShipping(t, agent, identity, [chain])
  await server.ingest.until(chain.id, before)
  await sealSome(chain, 20)
  await assertArrived(server, chain)
  await shipping.stop()
  assert.equal(chain.shipped, chain.position.nextSeq)
  const recorded = server.ingest.chains.get(chain.id)
  assert.deepEqual([recorded?.hostId, recorded?.batches], [identity.current.hostId, 25])
  assert.deepEqual([server.ingest.counts.duplicate, server.ingest.counts.refused], [0, 0])
  assert.deepEqual(warnings(agent), [])
})

test('a batch of the largest size passes', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  await chain.seal(
    Array.from({ length: 64 }, (_, n) => ({
      event: { message: `${n}`.padEnd(64_000) },
      personalPointers: [],
      timeNs: BigInt(n),
    })),
  )
  startShipping(t, agent, identity, [chain])
  await assertArrived(server, chain)
  assert.deepEqual(warnings(agent), [])
})

test('events wait while there is no server, and arrive when there is one', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  await server.stop()
  startShipping(t, agent, identity, [chain])
  await sealSome(chain, 3)
  await agent.log.until(({ level }) => level === 'warn')
  const back = await startServer(t, { dir: server.dir, port: server.port })
  await assertArrived(back, chain)
})

test('wherever the wire is cut, nothing is lost and nothing arrives twice', async (t) => {
  const server = await startServer(t)
  const cuts = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(cuts, async (lengths) => {
      const { agent, identity, chain } = await ready(t, server)
      const { url } = await cuttingProxy(t, server.port, [...lengths])
      await sealSome(chain, 15)
      const cut = { ...agent, options: { ...agent.options, url } }
      const shipping = startShipping(t, cut, identity, [chain])
      await sealSome(chain, 15)
      await assertArrived(server, chain)
      await shipping.stop()
    }),
    { numRuns: 5 },
  )
  assert.equal(server.ingest.counts.refused, 0)
})

test('a server that restarts in the middle answers what it has; the rest comes again', async (t) => {
  const ingest = recordingIngest()
  let server = await startServer(t, { ingest })
  const { agent, identity, chain } = await ready(t, server)
  startShipping(t, agent, identity, [chain])
  for (let restart = 1; restart <= 4; restart++) {
    await sealSome(chain, 10)
    await ingest.until(chain.id, restart * 20)
    await server.stop()
    server = await startServer(t, { ingest, dir: server.dir, port: server.port })
  }
  await assertArrived(server, chain)
  assert.equal(ingest.counts.duplicate, 0)
})

test('a server that stops answers what it has received', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  const { open } = gate(server)
  const end = await sealSome(chain, 5)
  const shipping = startShipping(t, agent, identity, [chain])
  await server.ingest.until(chain.id, end)
  const stopped = server.stop()
  open()
  await stopped
  await until(() => warnings(agent).length > 0)
  await shipping.stop()
  assert.equal(chain.shipped, end)
  assert.match(JSON.stringify(warnings(agent)[0]), /SERVER_STOPPING|SHIP_ENDED/)
})

test('a fatal error of the ledger is what the server stops for; nothing of it is acknowledged', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  const { submit } = server.ingest
  server.ingest.submit = async () => {
    throw new SealwatchError('DISK_FAILED', { kind: 'fatal', rule: '', advice: '' }, { attempted: 'writing' })
  }
  await sealSome(chain, 1)
  startShipping(t, agent, identity, [chain])
  await assert.rejects(server.transport.failed, { code: 'DISK_FAILED' })
  assert.equal(chain.shipped, 0)
  server.ingest.submit = submit
  await assertArrived(server, chain)
})

test('a slow ledger holds up its host only, and that within the window', async (t) => {
  const server = await startServer(t)
  const [slow, fast] = [await ready(t, server), await ready(t, server)]
  const { promise, resolve } = Promise.withResolvers<void>()
  let held = 0
  const window = limits.batchesInFlightMax
  server.ingest.before = () => (held++ < window ? promise : Promise.resolve())
  await sealSome(slow.chain, window + 10)
  startShipping(t, slow.agent, slow.identity, [slow.chain])
  await until(() => held === window)
  assert.equal(server.ingest.chains.get(slow.chain.id)?.batches, window)

  startShipping(t, fast.agent, fast.identity, [fast.chain])
  await sealSome(fast.chain, 30)
  await assertArrived(server, fast.chain)
  assert.equal(server.ingest.chains.get(slow.chain.id)?.batches, window)
  resolve()
  await assertArrived(server, slow.chain)
})

test('a busy chain does not starve a quiet one', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  const quiet = await chainOf(t, agent, 'cluster')
  await sealSome(chain, 40, 1)
  await sealSome(quiet, 1)
  const { open } = gate(server)
  startShipping(t, agent, identity, [chain, quiet])
  await server.ingest.until(quiet.id, quiet.position.nextSeq)
  assert((server.ingest.chains.get(chain.id)?.batches ?? 0) < 8)
  open()
  await assertArrived(server, chain)
})

test('a server that never acknowledges is left after 30 seconds; then it all goes again', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server, { clock })
  const { open } = gate(server)
  await sealSome(chain, 3)
  const shipping = startShipping(t, agent, identity, [chain])
  await server.ingest.until(chain.id, chain.position.nextSeq)
  clock.advance(29_000)
  assert.deepEqual(warnings(agent), [])
  clock.advance(2_000)
  const told = await agent.log.until(({ level }) => level === 'warn')
  assert.equal(told.error?.code, 'SHIP_STALLED')
  open()
  await until(() => registrations(server) > 1)
  await sealSome(chain, 1)
  await assertArrived(server, chain)
  await shipping.stop()
  assert.equal(chain.shipped, chain.position.nextSeq)
})

test('a certificate is renewed while the stream lives, and takes over when the old one ends', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { agent, identity, chain } = await ready(t, server, { clock })
  const shipping = startShipping(t, agent, identity, [chain])
  const over = new AbortController()
  const keeping = identity.run(over.signal)
  await sealSome(chain, 2)
  await assertArrived(server, chain)

  const first = identity.current
  clock.advance(15 * hourMs)
  await sealSome(chain, 2)
  await assertArrived(server, chain)
  assert.equal(identity.current, first)
  clock.advance(2 * hourMs)
  await until(() => identity.current !== first)
  assert.deepEqual(await readIdentity(agent.options.identityFile), identity.current)
  assert.notEqual(identity.current.serial, first.serial)
  await sealSome(chain, 2)
  await assertArrived(server, chain)
  assert.equal(registrations(server), 1)

  clock.advance(7 * hourMs)
  await until(() => registrations(server) === 2)
  await sealSome(chain, 2)
  await assertArrived(server, chain)
  over.abort()
  await Promise.all([keeping, shipping.stop()])
  assert.deepEqual([server.ingest.counts.duplicate, server.ingest.counts.refused], [0, 0])
  assert.deepEqual(warnings(agent), [])
  const host = await across(server.store.db, 'status')
    .selectFrom('hosts')
    .select('cert_serial')
    .executeTakeFirstOrThrow()
  assert.equal(host.cert_serial, identity.current.serial)
})

test('a host that slept through its certificate renews it and goes on', async (t) => {
  const clock = shiftingClock()
  const server = await startServer(t, { clock })
  const { agent, identity, chain } = await ready(t, server, { clock })
  clock.advance(72 * hourMs)
  const over = new AbortController()
  const keeping = identity.run(over.signal)
  startShipping(t, agent, identity, [chain])
  await sealSome(chain, 2)
  await assertArrived(server, chain)
  over.abort()
  await keeping
})

test('a server that lost acknowledged lines gets them again while they are here', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  await sealSome(chain, 5)
  const shipping = startShipping(t, agent, identity, [chain])
  await assertArrived(server, chain)
  await shipping.stop()
  await server.stop()
  const restored = await startServer(t, { dir: server.dir, port: server.port })
  startShipping(t, agent, identity, [chain])
  await assertArrived(restored, chain)
})

test('a host that was rolled back begins a new chain, however long the old one has grown again', async (t) => {
  for (const batchesAfter of [0, 1, 3, 6]) {
    const server = await startServer(t)
    const { agent, identity, chain } = await ready(t, server)
    await sealSome(chain, 2)
    const snapshot = join(agent.dir, 'snapshot')
    await cp(join(agent.dir, 'chains', 'default'), snapshot, { recursive: true })
    await sealSome(chain, 3)
    const shipping = startShipping(t, agent, identity, [chain])
    await assertArrived(server, chain)
    await shipping.stop()

    await cp(snapshot, join(agent.dir, 'chains', 'restored'), { recursive: true })
    const restored = await chainOf(t, agent, 'default', 'restored')
    await sealSome(restored, batchesAfter)
    const chains = [Object.assign(Object.create(restored) as Chain, { tenant: 'default' })]
    const again = startShipping(t, agent, identity, chains, async () => {
      chains[0] = Object.assign(Object.create(await chainOf(t, agent, 'fresh')) as Chain, { tenant: 'default' })
      await sealSome(chains[0], 2)
    })
    await until(() => again.rolledBack.length > 0)
    await until(() => chains[0]?.id !== restored.id && (chains[0]?.position.nextSeq ?? 0) > 0)
    await assertArrived(server, chains[0] as Chain)
    await again.stop()
    assert.deepEqual(again.rolledBack, [restored.id], `${batchesAfter} batches after the rollback`)
    await assertArrived(server, chain)
    await server.stop()
  }
})

test('a batch that is refused again and again waits ever longer and holds up no other chain', async (t) => {
  const server = await startServer(t)
  const { agent, identity, chain } = await ready(t, server)
  const other = await chainOf(t, agent, 'cluster')
  const { submit } = server.ingest
  const refusedAtMs: number[] = []
  server.ingest.submit = async (host, tenant, batch) => {
    if (batch.chain !== chain.id) return submit(host, tenant, batch)
    if (batch.firstSeq === 0n) refusedAtMs.push(performance.now())
    return submit(host, tenant, { ...batch, firstSeq: batch.firstSeq + 1n })
  }
  await sealSome(chain, 3)
  startShipping(t, agent, identity, [chain, other])
  await until(() => refusedAtMs.length > 0)
  await sealSome(other, 10)
  await assertArrived(server, other)
  await until(() => refusedAtMs.length >= 3)
  const [first = 0, second = 0, third = 0] = refusedAtMs
  assert(second - first >= 99 && third - second >= 99)
  server.ingest.submit = submit
  await assertArrived(server, chain)
})

// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainOf, enrolled, prepareAgent, sealSome, startServer, startShipping } from './fixture.ts'

test('enrol, register, ship, acknowledge: what was sealed arrives as it was sealed', async (t) => {
  const server = await startServer(t)
  const agent = await prepareAgent(t, { url: server.url })
  const chain = await chainOf(agent)
  const before = await sealSome(chain, 5)
  const identity = await enrolled(server, agent)
  const shipping = startShipping(t, agent, identity, [chain])
  await server.ingest.until(chain.id, before)
  const after = await sealSome(chain, 20)
  await server.ingest.until(chain.id, after)
  await shipping.stop()
  assert.equal(chain.shipped, after)
  const recorded = server.ingest.chains.get(chain.id)
  assert.equal(recorded?.hostId, identity.current.hostId)
  assert.equal(recorded?.batches, 25)
  assert.deepEqual(server.ingest.counts, { duplicate: 0, refused: 0, atOnceMax: server.ingest.counts.atOnceMax })
  assert.deepEqual(
    agent.log.lines.filter(({ level }) => level !== 'info'),
    [],
  )
})

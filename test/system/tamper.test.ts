// SPDX-License-Identifier: Apache-2.0
// LOG-3, LOG-4: root changes the log of a host while the agent is down. The host says so, and so does the server.

import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@sealwatch/base'
import { startPlatform, whyNot } from './platform.ts'

const first = '0000000000000000.ndjson'
const waitMs = 60_000

test('a line of a closed epoch is changed: the agent sets the chain aside, the server raises an alert', {
  skip: whyNot() ?? false,
}, async () => {
  const platform = await startPlatform()
  try {
    const chains = join(platform.data, 'agent/chains')
    await until(async () => (await platform.sealwatch('audit', 'verify', chains)).stdout.includes('✓ chain of cluster'))
    await platform.sealwatch('down')
    const good = await platform.sealwatch('audit', 'verify', chains, '--json')
    type Acknowledged = { nextSeq: number; checkpoint: string | null }
    type Chains = {
      chains: { tenant: string; epochs: { sealedBefore: number }; nextSeq: number; acknowledged: Acknowledged }[]
    }
    const before = JSON.parse(good.stdout) as { ok: boolean; host: Chains }
    const cluster = before.host.chains.find(({ tenant }) => tenant === 'cluster')
    assert.ok(before.ok)
    assert.equal(cluster?.epochs.sealedBefore, cluster?.nextSeq, 'a stop leaves nothing open')
    assert.ok((cluster?.acknowledged.nextSeq ?? 0) > 0)
    assert.match(cluster?.acknowledged.checkpoint ?? '', /\/tenant\//, "the server's word is in the chain")

    const path = join(chains, 'cluster', first)
    const text = await readFile(path, 'utf8')
    assert.ok(text.includes('"event_code":"agent_started"'))
    await writeFile(path, text.replace('"event_code":"agent_started"', '"event_code":"agent_stopped"'))
    const altered = await platform.sealwatch('audit', 'verify', chains)
    assert.equal(altered.code, 1)
    assert.match(altered.stdout, /✗ chain of cluster, 0{16}\.ndjson line \d+: CHAIN_BROKEN/)

    const up = await platform.sealwatch('up', '--port', String(platform.port), '--detach')
    assert.equal(up.code, 0, up.stderr)
    const alerts = async () => (await platform.sealwatch('alerts', '--tenant', 'cluster', '--json')).stdout
    await until(async () => (await alerts()).includes('"event_code":"chain_replaced"'))
    const agentLog = await readFile(join(platform.data, 'log/agent.log'), 'utf8')
    assert.match(agentLog, /"level":"critical".*a chain on disk was altered/)
    const beside = await platform.sealwatch('audit', 'verify', chains)
    assert.match(beside.stdout, /✓ chain of cluster/)
    assert.match(beside.stdout, /✗ chain of cluster/, 'the evidence is told as long as it lies there')
  } finally {
    await platform.sealwatch('down')
    await rm(platform.data, { recursive: true })
  }
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadlineMs = systemClock.nowMs() + waitMs
  while (!(await holds())) {
    assert.ok(systemClock.nowMs() < deadlineMs, 'it did not come to pass')
    await systemClock.sleep(200)
  }
}

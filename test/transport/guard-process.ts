// SPDX-License-Identifier: Apache-2.0
// The sealing half of a guard as a process of its own. On standard input: how many events to seal, one number a line; what there is then is printed.

import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { createLog, systemClock, systemDisk } from '@sealwatch/base'
import { loadOrCreateSigner } from '@sealwatch/keys'
import type { Chain } from '@sealwatch/ledger'
import { openGuardEnd } from '../../apps/agent/src/carriage/guard-end.ts'
import { openGuardChains } from '../../apps/agent/src/guard/guard-chains.ts'

const [dir = '', keyFile = ''] = process.argv.slice(2)
const log = createLog('guard', (line) => process.stderr.write(line), systemClock.nowMs)
const onFatal = (error: unknown) => {
  throw error
}
const chains = await openGuardChains({
  dir: join(dir, 'guard'),
  tenants: ['default'],
  signer: await loadOrCreateSigner(keyFile, systemDisk),
  totalBytesMax: 1 << 26,
  clock: systemClock,
  disk: systemDisk,
  log,
  onFatal,
})
await openGuardEnd({
  path: join(dir, 'agent.sock'),
  agentUid: process.getuid?.() ?? 0,
  chains: () => chains.all,
  replace: chains.replace,
  take: async () => undefined,
  onHost: () => undefined,
  state: () => ({
    pid: process.pid,
    mode: 'on',
    tier: 'events',
    protected: 0,
    incidents: 0,
    kill: 'dry-run',
    hands: null,
    commandKey: '0'.repeat(64),
    prevent: 'off',
    preventsNothing: null,
    names: [],
    configVersion: 0,
  }),
  protects: () => ({ processes: [], paths: [] }),
  onAgent: () => undefined,
  onFatal,
  clock: systemClock,
  log,
})

async function* linesOf(chain: Chain): AsyncGenerator<string> {
  for (let seq = 0; ; ) {
    const batch = await chain.readBatch(seq)
    if (batch === undefined) return
    seq += batch.count
    yield* Buffer.from(batch.lines).toString().split('\n').slice(0, -1)
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  for (let left = Number(line); left > 0; left--) {
    chains.add('default', { event: { left }, personalPointers: [], timeNs: systemClock.nowNs() })
    // Each in a batch of its own.
    await chains.flushed()
  }
  const [chain] = chains.all as [Chain]
  // One that is being set aside has no files.
  const lines = await Array.fromAsync(linesOf(chain)).catch(() => [])
  process.stdout.write(`${JSON.stringify({ id: chain.id, shipped: chain.shipped, lines })}\n`)
}

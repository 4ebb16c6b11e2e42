// SPDX-License-Identifier: Apache-2.0
// The shipping half of an agent as a process of its own, enrolled before: a chain of its own, and those of the guard beside it.

import { join } from 'node:path'
import process from 'node:process'
import { createBell, createLog, systemClock, systemDisk } from '@sealwatch/base'
import { loadOrCreateSigner } from '@sealwatch/keys'
import { openChain } from '@sealwatch/ledger'
import { openAgentEnd } from '../../apps/agent/src/carriage/agent-end.ts'
import { openIdentity, readHostFacts, ship } from '../../apps/agent/src/ship/index.ts'

const [dir = '', url = ''] = process.argv.slice(2)
const common = {
  clock: systemClock,
  disk: systemDisk,
  random: Math.random,
  log: createLog('agent', (line) => process.stdout.write(line), systemClock.nowMs),
  signal: new AbortController().signal,
}
const signer = await loadOrCreateSigner(join(dir, 'host.key'), systemDisk)
const facts = await readHostFacts()
const identity = await openIdentity({
  ...common,
  url,
  tokenFile: join(dir, 'join-token'),
  identityFile: join(dir, 'identity.pem'),
  facts,
  signer,
  reload: createBell(),
})
if (identity === undefined) throw new Error('not enrolled')
const sizes = { segmentBytesMax: 1 << 20, totalBytesMax: 1 << 26 }
const own = await openChain({ ...common, ...sizes, dir: join(dir, 'own'), tenant: 'default', signer })
if (own.position.nextSeq === 0)
  await own.seal([{ event: { own: true }, personalPointers: [], timeNs: systemClock.nowNs() }])
const guard = openAgentEnd({ path: join(dir, 'agent.sock'), ...common })
void guard.run(common.signal)
await ship({
  ...common,
  url,
  identity,
  agentVersion: '0.1.0',
  facts,
  chains: () => [own, ...guard.chains],
  otherChains: guard.otherChains,
  onRegistered: () => undefined,
  onRollback: guard.replace,
})

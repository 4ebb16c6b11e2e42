// SPDX-License-Identifier: Apache-2.0
// A host of a tenant: the real agent's identity, journal, chain and stream, without a sensor.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock as clock, createLog, systemDisk as disk, type JsonObject } from '@sealwatch/base'
import { chainOfPem, type Ed25519Signer, generateSigner } from '@sealwatch/keys'
import { openChain } from '@sealwatch/ledger'
import {
  type KeepConfigurationOptions,
  keepConfiguration,
} from '../../apps/agent/src/configuration/keep-configuration.ts'
import { createJournal } from '../../apps/agent/src/journal/journal.ts'
import { openIdentity, type ShipOptions, ship } from '../../apps/agent/src/ship/index.ts'
import type { TestServer } from './server.ts'

export type TestHost = AsyncDisposable & {
  readonly hostId: string
  /** Fingerprint of the authority that it pinned. */
  readonly authority: string
  /** What the sensor's frames become: gathered, sealed and shipped by itself. */
  see(event: JsonObject): void
}

export async function joinHost(
  server: Pick<TestServer, 'root' | 'agentPort'>,
  tenant: string,
  hostname: string,
  /** What its chain is sealed with, where that is not the key it enrolled. */
  sealedBy: (enrolled: Ed25519Signer) => Ed25519Signer = (enrolled) => enrolled,
  /** What it does with what the server tells it; left out: it takes nothing. */
  configured?: Pick<KeepConfigurationOptions, 'apply' | 'onNews'> & Pick<ShipOptions, 'standings' | 'hands'>,
  /** What it calls itself once it has enrolled. */
  renamed = hostname,
): Promise<TestHost> {
  const dir = mkdtempSync(join(tmpdir(), 'sealwatch-test-host-'))
  const over = new AbortController()
  const { signal } = over
  const log = createLog('agent', () => undefined, clock.nowMs)
  const signer = generateSigner()
  const { token } = await server.root(tenant).call('inviteHost', { body: {} })
  const tokenFile = join(dir, 'token')
  writeFileSync(tokenFile, `${token}\n`)
  const url = `https://127.0.0.1:${server.agentPort}`
  const facts = { hostname, machineId: hostname, bootId: 'b', kernel: '6.1', os: 'Debian 12' }
  const common = { url, facts, clock, disk, random: () => 0, log, signal }
  const identity = await openIdentity({ ...common, signer, tokenFile, identityFile: join(dir, 'identity.pem') })
  if (identity === undefined) throw new Error('not enrolled')
  const sizes = { segmentBytesMax: 1 << 20, totalBytesMax: 1 << 26 }
  const chain = await openChain({ dir: join(dir, 'chain'), tenant, signer: sealedBy(signer), clock, disk, ...sizes })
  const configuration =
    configured &&
    (await keepConfiguration({
      ...common,
      ...configured,
      path: join(dir, 'configuration.json'),
      hostId: identity.current.hostId,
      tenant,
      authority: chainOfPem(identity.current.authorityPem),
      identity: () => identity.current.certificatePem + identity.current.authorityPem,
    }))
  const registered = Promise.withResolvers<void>()
  const shipping = ship({
    ...common,
    facts: { ...facts, hostname: renamed },
    identity,
    agentVersion: '0.1.0',
    chains: () => [chain],
    onRegistered: (is) => is && registered.resolve(),
    onRollback: async () => undefined,
    ...(configuration && { configuration }),
    ...(configured?.standings && { standings: configured.standings }),
    ...(configured?.hands && { hands: configured.hands }),
  })
  const journal = createJournal({ chain: () => chain, clock, log, onFatal: (error) => log.error('fatal', { error }) })
  await Promise.race([registered.promise, shipping])
  return {
    hostId: identity.current.hostId,
    authority: identity.current.authority,
    see: (event) => journal.add({ event, personalPointers: ['/event/actor/user/name'], timeNs: clock.nowNs() }),
    [Symbol.asyncDispose]: async () => {
      await journal.flushed()
      over.abort()
      await shipping
      await chain.close()
      rmSync(dir, { recursive: true })
    },
  }
}

// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { hostname, release } from 'node:os'
import { join } from 'node:path'
import {
  type Clock,
  type ConfigOf,
  createBell,
  type Disk,
  isSealwatchError,
  type Log,
  makeDirectory,
  systemRandom,
} from '@sealwatch/base'
import { createHealth, listenForHealth, watchSpace } from '@sealwatch/base/health'
import type { PreparedSigners } from '@sealwatch/keys'
import { type KmsMasterKey, openSealing } from '@sealwatch/keys/sealing'
import type { Policy } from '@sealwatch/ledger'
import type { ApiSocket } from './api/index.ts'
import type { serverSettings } from './config.ts'
import { addCustodyHealth, createKeyTender, createSideCustody, openErasures } from './custody/index.ts'
import { openDeployment } from './deployment.ts'
import { detect, loadRuleset, type RuleFile } from './detect/index.ts'
import { addHealth } from './health.ts'
import { openIdentity, type ServerVoice } from './identity/index.ts'
import {
  checkStores,
  createIngest,
  createSignedHeads,
  type Integrity,
  indexEntries,
  keepSealed,
  openLedgers,
  openQuarantine,
  openTransport,
  prepareWitnesses,
  publishOutbox,
  scrubLedger,
} from './ingest/index.ts'
import { openDeploymentSigner } from './signer.ts'
import { createOutbox, isStoreFull, openStore } from './store/index.ts'
import { serverVersion } from './version.ts'

export type ServerOptions = {
  readonly config: ConfigOf<typeof serverSettings>
  readonly api: ApiSocket
  readonly kms: KmsMasterKey
  readonly ruleFiles: readonly RuleFile[]
  readonly signers: PreparedSigners
  readonly witnessPolicy: Policy | undefined
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly signal: AbortSignal
}

/** The tenant of whoever names none, and that of what concerns the deployment as a whole. */
const standingTenants = ['default', 'cluster'] as const
const fullRetryMs = 1_000

/** Wires the rooms together and runs until the signal fires; rejects when going on would risk what is acknowledged. */
export async function runServer(options: ServerOptions): Promise<void> {
  const { config, api, kms, ruleFiles, clock, disk, log, signal } = options
  const dir = config.dataDir
  const tenants = [...standingTenants, ...config.moreTenants.split(',').filter((name) => name !== '')]
  const countersignEveryMs = config.countersignMs
  const countersignIdleMs = config.countersignIdleSeconds * 1000
  const health = createHealth({ component: 'server', version: serverVersion, clock, log })
  const healthListener = await listenForHealth(health, { address: config.healthAddress, port: config.healthPort })
  const keysDir = join(dir, 'keys')
  await makeDirectory(keysDir)
  const deployment = await openDeployment(dir, disk)
  const auditSigner = await openDeploymentSigner({
    prepared: options.signers,
    keysDir,
    health,
    clock,
    disk,
    log,
    signal,
  })
  const store = openStore(join(dir, 'index.sqlite'))
  const outbox = createOutbox(store, clock)
  const cache = { ttlMs: config.keyCacheSeconds * 1000, keysMax: config.keyCacheKeys }
  const sealing = await openSealing({ dir: keysDir, kmsKeyId: config.masterKmsKeyId, kms, cache, clock, disk })
  addCustodyHealth(health, sealing)
  const side = createSideCustody(sealing, log)

  const voice = serverVoice(deployment.name)
  const { witnessPolicy: policy } = options
  const witnesses = prepareWitnesses({ policy, health, store, outbox, voice, fetch, clock, random: systemRandom, log })
  const ledgers = await openLedgers({
    ...witnesses.ledgersOptions,
    belowQuorum: config.belowQuorum as 'degraded' | 'hold',
    dir: join(dir, 'ledgers'),
    deployment: deployment.name,
    tenants,
    keysDir,
    auditSigner,
    labelKey: deployment.labelKey,
    clock,
    disk,
    log,
  })
  await checkStores(store, ledgers)
  const tender = createKeyTender({ sealing, store, outbox, voice, clock, log })
  const cluster = ledgers.get('cluster')
  const erasures = await openErasures({ ledger: cluster, sealing, store, outbox, voice, clock, log })
  const identity = await openIdentity({
    dir: keysDir,
    deployment: deployment.name,
    tenants,
    store,
    outbox,
    voice,
    disk,
    clock,
    log,
  })
  const quarantine = await openQuarantine({ dir: join(dir, 'quarantine'), store, sealing, clock, disk })
  const ruleset = loadRuleset(ruleFiles, log)

  // Followers outlive the doors: they end when nothing more can come in.
  const following = new AbortController()
  const indexed = createIndexProgress()
  const ofNow = { waitFor: (tenant: string, leaf: number) => indexed.waitFor(tenant, leaf, following.signal) }
  const ingest = createIngest({ store, ledgers, quarantine, side, indexed: ofNow, clock, log })
  const integrity = new Map<string, Integrity>()
  const sizesAtStart = tenants.map((tenant) => [tenant, ledgers.get(tenant).size] as const)
  const caughtUp = Promise.all(sizesAtStart.map(([tenant, size]) => indexed.waitFor(tenant, size, following.signal)))
  let fullAtMs = Number.NEGATIVE_INFINITY
  const isStalled = () => clock.nowMs() - fullAtMs < 2 * fullRetryMs
  const space = watchSpace({ health, path: dir, logs: () => [], isStalled, clock, log })
  const followers = [
    ...tenants.flatMap((tenant) => {
      const ledger = ledgers.get(tenant)
      const onIndexed = (position: number) => indexed.advance(tenant, position)
      return [
        whileFull(() => indexEntries({ ledger, store, outbox, signal: following.signal, onIndexed })),
        whileFull(() =>
          detect({ ledger, store, outbox, indexed, openSide: side.open, ruleset, clock, signal: following.signal }),
        ),
        scrubLedger(ledger, following.signal, onScrubbed),
      ]
    }),
    publishOutbox({ outbox, ledgers, indexed: caughtUp.then(() => undefined), clock, log, signal: following.signal }),
    keepSealed({
      ledgers,
      signedHeads: createSignedHeads(store, ledgers),
      countersignEveryMs,
      countersignIdleMs,
      clock,
      log,
      signal: following.signal,
    }),
    whileFull(() => tender.run(following.signal)),
    whileFull(() => erasures.run(following.signal)),
    space.watch(following.signal),
  ]

  /** A follower that meets a full disk, or keys out of reach, goes on from its cursor later: nothing is lost by waiting. */
  async function whileFull(run: () => Promise<void>): Promise<void> {
    while (!following.signal.aborted) {
      try {
        await run()
      } catch (error) {
        const isFull = isStoreFull(error) || isSealwatchError(error, 'DISK_FULL')
        if (!isFull && !isSealwatchError(error, 'KEYS_UNAVAILABLE')) throw error
        if (isFull) fullAtMs = clock.nowMs()
        log.critical(isFull ? 'the disk is full; the server waits for room' : 'the server waits for its keys', {
          error,
        })
        await clock.sleep(fullRetryMs, following.signal)
      }
    }
  }

  function onScrubbed(found: Integrity): void {
    integrity.set(found.tenant, found)
    if (found.problem === undefined) return
    log.critical('a ledger was altered on the disk: restore it from a copy, or keep it as evidence', { ...found })
  }

  const transport = await openTransport({
    address: config.host,
    port: config.port,
    names: [...new Set([config.host, '127.0.0.1', 'localhost', hostname()])],
    identity,
    ingest,
    store,
    outbox,
    ledgers,
    voice,
    clock,
    log,
  })
  addHealth(health, { tenants, ledgers, ingest, integrity, transport, outbox, clock })
  const { backend, algorithm, keyId, location } = auditSigner
  const signerFacts = { configured: options.signers.active !== undefined, backend, algorithm, keyId, location }
  api.serve({
    db: store.db,
    ledgers,
    index: indexed,
    openSide: side.open,
    keys: { ...tender, ...erasures, status: () => sealing.status() },
    createJoinToken: (ttlSeconds) => identity.createJoinToken(ttlSeconds),
    facts: () => ({
      deployment: deployment.name,
      health: healthListener.url,
      ledgerKeys: [ledgers.vkey],
      signing: { ...ledgers.health, signer: signerFacts, witnesses: witnesses.status() },
      caFingerprint: identity.authority.fingerprint,
      connected: transport.connected,
      integrity: [...integrity.values()],
      ingest: {
        ...ingest.counters,
        quarantined: Object.values(ingest.counters.quarantined).reduce((sum, count) => sum + count, 0),
      },
    }),
    clock,
    log,
  })
  log.info('serving', { address: config.host, port: transport.port, deployment: deployment.name })

  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([stopped, transport.failed, Promise.all(followers)])
  log.info('stopping', { cause: String(signal.reason) })
  await transport.close()
  await api.close()
  following.abort()
  await Promise.all(followers)
  await ledgers.close()
  await store.close()
  await auditSigner.close()
  sealing.close()
  await healthListener.close()
}

function serverVoice(deployment: string): ServerVoice {
  return {
    device: {
      uid: deployment,
      hostname: hostname(),
      type_id: 0,
      type: 'Unknown',
      boot_uid: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
      os: { name: 'Linux', type_id: 200, type: 'Linux', kernel_release: release() },
    },
    version: serverVersion,
  }
}

/** How far the index covers each ledger, for whoever must not run ahead of it. */
function createIndexProgress() {
  const positions = new Map<string, number>()
  const bell = createBell()
  return {
    advance(tenant: string, position: number): void {
      positions.set(tenant, position)
      bell.ring()
    },
    waitFor: async (tenant: string, leaf: number, signal: AbortSignal): Promise<void> => {
      while (!signal.aborted && (positions.get(tenant) ?? 0) < leaf) await bell.wait(signal)
    },
  }
}
